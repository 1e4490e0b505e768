"""``make bench``: measures, prints and writes docs/benchmarks.md. ``python -m tests.bench PART …`` measures
some parts and writes nothing, or with ``--write`` these parts alone, each with its own day and machine.
``--quick`` measures with small sizes and never writes: it shows only that all works.
"""

import argparse
import importlib.metadata
import os
import platform
import re
import time
from collections.abc import Callable, Iterable
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
    parser.add_argument("--write", action="store_true", help="put the parts into the document")
    given = parser.parse_args()
    if unknown := set(given.parts) - set(PARTS):
        parser.error(f"there is no part {', '.join(sorted(unknown))}")
    with Path(os.devnull).open("w") as nowhere:
        configure_logging(nowhere)  # the lines are made, as in real life, and nobody reads them
        where, sections = _measured(given.parts or list(PARTS), quick=given.quick)
    report = _whole(["# Benchmarks", "", *where], sections)
    print(report)
    if not given.parts and not given.quick:
        DOCUMENT.write_text(report)
    elif given.write and not given.quick:
        measured = where[: where.index("")]
        stamped = [[section[0], "", *measured, *section[1:]] for section in sections]
        DOCUMENT.write_text(with_sections(DOCUMENT.read_text(), stamped))


def _measured(parts: list[str], *, quick: bool) -> tuple[list[str], list[list[str]]]:
    """When and where it was measured, and each part's section."""
    sections = []
    with Place() as place:
        where = _when_and_where(place)
        for part in parts:
            begun = time.monotonic()
            sections.append(PARTS[part](place, quick=quick))
            print(f"{part}: {time.monotonic() - begun:.0f} s", flush=True)
    return where, sections


def _whole(head: list[str], sections: Iterable[list[str]]) -> str:
    return "\n\n".join("\n".join(lines) for lines in (head, *sections)) + "\n"


def with_sections(document: str, sections: Iterable[list[str]]) -> str:
    """The document with these sections in place of those of the same name, or at its end."""
    head, *found = re.split(r"^(?=## )", document, flags=re.M)
    by_name = {text.partition("\n")[0]: text.strip("\n").split("\n") for text in found}
    by_name |= {section[0]: section for section in sections}
    return _whole([head.strip("\n")], by_name.values())


def _when_and_where(place: Place) -> list[str]:
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in _PACKAGES)
    return [
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
