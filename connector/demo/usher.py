"""Runs the real ``usher`` command against one configuration. It owns how the command is found and called;
what a verb does is the command line's.
"""

import json
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from connector.demo.errors import DemoError

SECONDS = 120
LAST = 1500


@dataclass(frozen=True, slots=True, kw_only=True)
class UsherCommand:
    """The command with its configuration."""

    config: Path
    env: Mapping[str, str] = field(repr=False)

    def line(self, *words: str) -> list[str]:
        """The whole command line of a verb."""
        return [_program(), "--config", str(self.config), *words]

    def run(self, *words: str, secrets: Mapping[str, str] | None = None) -> str:
        """What the verb prints on standard output. ``secrets`` go into its environment.

        :raises DemoError: it failed; with what it said.
        """
        environment = {**self.env, **(secrets or {})}
        try:
            result = subprocess.run(
                self.line(*words), capture_output=True, text=True, timeout=SECONDS, env=environment
            )
        except subprocess.TimeoutExpired as error:
            raise DemoError(
                f"'usher {' '.join(words)}' was not done after {SECONDS} seconds.", "Start again."
            ) from error
        if result.returncode != 0:
            said = (result.stdout + result.stderr).strip()[-LAST:]
            raise DemoError(
                f"'usher {' '.join(words)}' failed ({result.returncode}):\n{said}",
                f"Try it by hand: usher --config {self.config} {' '.join(words)}",
            )
        return result.stdout

    def json(self, *words: str) -> Any:
        """What the verb prints with ``--json``."""
        return json.loads(self.run(*words, "--json"))


def _program() -> str:
    """The script beside this Python, else the one on the path."""
    beside = Path(sys.executable).with_name("usher")
    found = str(beside) if beside.exists() else shutil.which("usher")
    if found is None:
        raise DemoError("The command 'usher' is not installed.", "Run: make setup")
    return found
