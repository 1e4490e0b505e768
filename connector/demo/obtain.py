"""Keeps one ready-built Keycloak in the user's cache folder. It owns that folder; servers that run
from it keep their data elsewhere.

Keycloak 26 builds itself at first start, which takes longer than everything else in a start. So it is
built once, in the copy in the cache, and every start is an optimized one.
"""

import fcntl
import hashlib
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from connector.demo.archive import VERSION, fetch, unpack
from connector.demo.errors import DemoError
from connector.demo.process import Child
from connector.demo.steps import Steps

BUILD_OPTIONS = ("--db=dev-file", "--health-enabled=true")
BUILD_SECONDS = 300.0


def cache_folder(env: Mapping[str, str]) -> Path:
    """``portal-usher`` in ``XDG_CACHE_HOME``, else in ``~/.cache``."""
    base = env.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "portal-usher"


def obtain_keycloak(java: Path, steps: Steps, env: Mapping[str, str], cache: Path) -> Path:
    """The folder of a built Keycloak: a copy of ``KEYCLOAK_HOME`` if that is set, else version
    :data:`~connector.demo.archive.VERSION`, fetched at the first call. Only one process prepares it
    at a time, and what is half done is never found.

    :raises DemoError: it cannot be had or built.
    """
    given = _given(env)
    built = cache / (f"keycloak-{VERSION}" if given is None else f"keycloak-{_fingerprint(given)}")
    if built.is_dir():
        return built
    cache.mkdir(parents=True, exist_ok=True, mode=0o700)
    with _alone(cache / "lock"), tempfile.TemporaryDirectory(dir=cache, prefix="new-") as folder:
        if not built.is_dir():
            fresh = _unbuilt(given, Path(folder), steps, env)
            _build(fresh, cache / "build.log", java, steps, env)
            fresh.rename(built)
    return built


def _given(env: Mapping[str, str]) -> Path | None:
    home = env.get("KEYCLOAK_HOME")
    if not home:
        return None
    if not (Path(home) / "bin" / "kc.sh").is_file():
        raise DemoError(
            f"KEYCLOAK_HOME is {home}, which has no bin/kc.sh.",
            "Set it to the folder of an unpacked Keycloak, or unset it to have one fetched.",
        )
    return Path(home).resolve()


def _fingerprint(home: Path) -> str:
    """Another one when the distribution in ``home`` was exchanged or its providers changed."""
    parts = [home, *(path for name in ("version.txt", "conf", "providers", "themes", "lib/lib/main")
                     if (path := home / name).exists())]  # fmt: skip
    text = "\n".join(f"{part} {part.stat().st_mtime_ns}" for part in parts)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _unbuilt(given: Path | None, folder: Path, steps: Steps, env: Mapping[str, str]) -> Path:
    if given is None:
        archive = fetch(folder, steps, env)
        steps.working("Unpacking Keycloak")
        return unpack(archive, folder)
    steps.working("Copying Keycloak")
    return Path(shutil.copytree(given, folder / "keycloak", ignore=shutil.ignore_patterns("data")))


def _build(home: Path, log: Path, java: Path, steps: Steps, env: Mapping[str, str]) -> None:
    command = [str(home / "bin" / "kc.sh"), "build", *BUILD_OPTIONS]
    with Child("Keycloak's build", command, log=log, env=java_environment(java, env)) as build:
        build.wait_until_done(seconds=BUILD_SECONDS, tell=lambda: steps.working("Building Keycloak, once"))


def java_environment(java: Path, env: Mapping[str, str]) -> dict[str, str]:
    """The environment for Keycloak's script: this Java, and none of the variables that would
    change the server behind our back.
    """
    kept = {name: value for name, value in env.items() if not name.startswith(("KC_", "JAVA"))}
    return {**kept, "JAVA_HOME": str(java)}


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
