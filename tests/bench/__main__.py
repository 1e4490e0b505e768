"""``make bench``: measures, prints and writes docs/benchmarks.md. ``python -m tests.bench PART …`` measures
some parts and writes nothing; so does ``--quick``, with small sizes, which shows only that all works.
"""

import argparse
import importlib.metadata
import os
import platform
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from connector.demo.archive import VERSION
from connector.foundation.observe import configure_logging
from tests.bench.accounts import accounts_section
from tests.bench.claims import claims_section
from tests.bench.load import load_section
from tests.bench.mails import mails_section
from tests.bench.outbox import outbox_section
from tests.bench.place import Place
from tests.bench.presses import presses_section
from tests.bench.scim import scim_section
from tests.bench.sizes import sizes_section
from tests.bench.table import prose

DOCUMENT = Path(__file__).parents[2] / "docs" / "benchmarks.md"

PARTS: dict[str, Callable[..., list[str]]] = {
    "scim": scim_section,
    "outbox": outbox_section,
    "claims": claims_section,
    "accounts": accounts_section,
    "load": load_section,
    "presses": presses_section,
    "sizes": sizes_section,
    "mails": mails_section,
}

_PACKAGES = (
    *("portal-usher", "scim2-server", "flask", "granian", "sqlalchemy", "psycopg"),
    *("python-keycloak", "requests"),
)


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"{', '.join(PARTS)}; all unless given")
    parser.add_argument("--quick", action="store_true", help="small and short")
    given = parser.parse_args()
    if unknown := set(given.parts) - set(PARTS):
        parser.error(f"there is no part {', '.join(sorted(unknown))}")
    with Path(os.devnull).open("w") as nowhere:
        configure_logging(nowhere)  # the lines are made, as in real life, and nobody reads them
        report = _measured(given.parts or list(PARTS), quick=given.quick)
    print(report)
    if not given.parts and not given.quick:
        DOCUMENT.write_text(report)


def _measured(parts: list[str], *, quick: bool) -> str:
    lines = []
    with Place() as place:
        lines += _header(place)
        for part in parts:
            begun = time.monotonic()
            lines += ["", *PARTS[part](place, quick=quick)]
            print(f"{part}: {time.monotonic() - begun:.0f} s", flush=True)
    return "\n".join(lines) + "\n"


def _header(place: Place) -> list[str]:
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in _PACKAGES)
    return [
        "# Benchmarks",
        "",
        *prose(
            f"""Measured {datetime.now(UTC):%Y-%m-%d} by `make bench` on {_cpu()}, {os.cpu_count()} cores,
            Python {platform.python_version()}, {place.versions()}, Keycloak {VERSION}: {versions}."""
        ),
        "",
        *prose(
            """Everything runs on this one machine. What can be compared is measured side by side, in turns;
            of plain figures the order of magnitude alone says anything."""
        ),
    ]


def _cpu() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor()


if __name__ == "__main__":
    main()
