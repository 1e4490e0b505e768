"""What this machine cannot run: collected while the tests run and named at their end. It owns that list;
what is needed is each fixture's business.

Nothing is passed over in silence: a developer reads at the end what did not run and which command would
make it run, and under ``CI=true`` it is a failure.
"""

import os
from collections.abc import Callable
from typing import NoReturn, TypeVar

import pytest

from connector.demo.errors import DemoError

Part = TypeVar("Part")
CANNOT = pytest.StashKey[dict[str, str]]()
REASON = "this machine cannot run "


def obtained(config: pytest.Config, what: str, get: Callable[[], Part]) -> Part:
    """What ``get`` gives; if this machine cannot have it, the asking test is skipped, or fails under CI."""
    try:
        return get()
    except DemoError as error:
        trouble = error
    return cannot_run(config, what, because=trouble.what, command=trouble.do)


def cannot_run(config: pytest.Config, what: str, *, because: str, command: str) -> NoReturn:
    """Give up on ``what``: skip the asking test and remember how to get it; fail under ``CI``.

    :param command: what to do to make it run.
    """
    text = f"{REASON}{what}: {because}"
    if in_ci():
        pytest.fail(f"{text}\n{command}", pytrace=False)
    config.stash.setdefault(CANNOT, {})[what] = f"{because}\n      to run them: {command}"
    pytest.skip(text)


def in_ci() -> bool:
    """Whether ``CI`` says so."""
    return os.environ.get("CI", "").lower() not in {"", "0", "false"}


def refuse_skips(session: pytest.Session) -> None:
    """Under ``CI`` fail a run in which a test was skipped for any reason at all."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if in_ci() and reporter is not None and reporter.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def tell_what_did_not_run(reporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """The section at the end of the run; nothing if everything ran."""
    missing = config.stash.get(CANNOT, {})
    skipped = [str(report.longrepr) for report in reporter.stats.get("skipped", [])]
    if skipped and in_ci():
        reporter.line(f"{len(skipped)} skipped; under CI that is a failure", red=True, bold=True)
    if not missing:
        return
    reporter.section("not run on this machine", yellow=True, bold=True)
    for what, how in missing.items():
        count = sum(f"{REASON}{what}: " in text for text in skipped)
        reporter.line(f"  {count} tests that need {what}: {how}")
