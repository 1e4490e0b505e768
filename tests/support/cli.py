"""The command line in this process, as a shell would call it."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from connector.cli import main as cli

Usher = Callable[..., int]
"""Calls a verb with its arguments; the exit code."""


def usher_at(config: Path, monkeypatch: pytest.MonkeyPatch) -> Usher:
    """``usher --config CONFIG …``."""

    def call(*verb: str) -> int:
        monkeypatch.setattr(sys, "argv", ["usher", "--config", str(config), *verb])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        return int(ended.value.code or 0)

    return call
