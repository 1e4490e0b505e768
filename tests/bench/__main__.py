"""``make bench``: measures, prints and, unless ``--quick``, writes docs/benchmarks.md."""

import argparse
import importlib.metadata
import os
import platform
from datetime import UTC, datetime
from pathlib import Path

from tests.bench.scim import GOALS, OPERATIONS, Figure, scim_figures

DOCUMENT = Path(__file__).parents[2] / "docs" / "benchmarks.md"


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one short round; writes nothing")
    quick = parser.parse_args().quick
    figures = scim_figures(rounds=1 if quick else 3, seconds=1.0 if quick else 4.0)
    report = "\n".join([*_header(), *_table(figures), "", *_verdicts(figures)]) + "\n"
    print(report)
    if not quick:
        DOCUMENT.write_text(report)


def _header() -> list[str]:
    versions = ", ".join(
        f"{name} {importlib.metadata.version(name)}"
        for name in ("portal-usher", "scim2-server", "flask", "granian", "sqlalchemy")
    )
    return [
        "# Benchmarks",
        "",
        f"Measured {datetime.now(UTC):%Y-%m-%d} by `make bench` on {_cpu()}, {os.cpu_count()} cores, "
        f"Python {platform.python_version()}: {versions}.",
        "",
        "CPU milliseconds per request (user and system, the whole process tree), with requests per second",
        "on one connection in brackets. Each server alone under granian, one worker and one thread on one",
        "core; 1,000 full users; the median of rounds that take turns. Usher keeps every change durably in",
        "SQLite with its timeline and outbox; scim2-server keeps users in memory; bare Flask answers one",
        "constant.",
        "",
    ]


def _table(figures: dict[str, dict[str, Figure]]) -> list[str]:
    servers = list(figures)
    rows = [f"| operation | {' | '.join(servers)} |", f"|---|{'---|' * len(servers)}"]
    for operation in OPERATIONS:
        cells = (_cell(figures[server].get(operation)) for server in servers)
        rows.append(f"| {operation} | {' | '.join(cells)} |")
    return rows


def _cell(figure: Figure | None) -> str:
    return f"{figure.cpu_ms:.2f} ({figure.per_second:.0f})" if figure else ""


def _verdicts(figures: dict[str, dict[str, Figure]]) -> list[str]:
    rows = ["| goal | ratio | |", "|---|---|---|"]
    for goal in GOALS:
        ratio = figures["Usher"][goal.operation].cpu_ms / figures[goal.peer][goal.peer_operation].cpu_ms
        verdict = "met" if ratio <= goal.at_most else "missed"
        rows.append(
            f"| {goal.operation} ≤ {goal.at_most:.2f} of {goal.peer}, {goal.peer_operation} | {ratio:.2f} "
            f"| {verdict} |"
        )
    return rows


def _cpu() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor()


if __name__ == "__main__":
    main()
