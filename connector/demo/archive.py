"""Keycloak's archive: fetched, checked, unpacked. It owns the version and the checksum; it must not
know where the result is kept.
"""

import hashlib
import shutil
import subprocess
import tarfile
from collections.abc import Mapping
from pathlib import Path

import requests

from connector.demo.errors import DemoError
from connector.demo.steps import MEGABYTE, Steps

VERSION = "26.7.3"
SHA256 = "77657f30b7e90d70f727712ce1c967f430fd6a5e9f458d32d8c6df0635345f47"
"""Of ``keycloak-quarkus-dist-26.7.3.tar.gz``; whatever the source, nothing else is unpacked."""

RELEASE = "https://github.com/keycloak/keycloak/releases/download"
MAVEN_GOAL = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy"
MAVEN_SECONDS = 600
CONNECT_SECONDS, READ_SECONDS = 10, 60
BLOCK = 1 << 20


class NotFetched(Exception):
    """One source did not give the archive; the text says why."""


def fetch(
    folder: Path,
    steps: Steps,
    env: Mapping[str, str],
    *,
    release: str = RELEASE,
    sha256: str = SHA256,
) -> Path:
    """The checked archive in ``folder``: from Maven if it is on the path, else from the release page.

    :raises DemoError: no source has it; the sentence names each with its reason.
    """
    reasons = []
    for source in (_from_maven, _from_release):
        try:
            archive = source(folder, steps, env, release)
            _check(archive, sha256)
        except NotFetched as reason:
            reasons.append(f"  {reason}")
        else:
            return archive
    raise DemoError(
        f"Keycloak {VERSION} could not be fetched:\n" + "\n".join(reasons),
        "Check the network (HTTPS_PROXY is honoured) and start again, or unpack Keycloak "
        f"{VERSION} yourself and set KEYCLOAK_HOME to its folder.",
    )


def unpack(archive: Path, folder: Path) -> Path:
    """Unpack a checked archive into ``folder``; the distribution's own folder in it."""
    with tarfile.open(archive) as tar:
        # Python 3.11.0 to 3.11.3 have no filter yet; the checksum has vouched for every member.
        tar.extraction_filter = getattr(tarfile, "data_filter", lambda member, _: member)
        tar.extractall(folder)  # noqa: S202 - filtered above
    return folder / f"keycloak-{VERSION}"


def _check(archive: Path, sha256: str) -> None:
    digest = hashlib.sha256()
    with archive.open("rb") as data:
        while block := data.read(BLOCK):
            digest.update(block)
    if digest.hexdigest() != sha256:
        raise NotFetched(f"{archive.name}: its SHA-256 is {digest.hexdigest()}, not {sha256}")


def _from_maven(folder: Path, steps: Steps, env: Mapping[str, str], release: str) -> Path:
    maven = shutil.which("mvn", path=env.get("PATH"))
    if maven is None:
        raise NotFetched("Maven: there is no 'mvn' on the path")
    steps.working(f"Fetching Keycloak {VERSION} with Maven (175 MB)")
    artifact = f"org.keycloak:keycloak-quarkus-dist:{VERSION}:tar.gz"
    command = [
        maven, "-B", "-q", MAVEN_GOAL, f"-Dartifact={artifact}", f"-DoutputDirectory={folder}"
    ]  # fmt: skip
    try:
        result = subprocess.run(
            command, capture_output=True, text=True, timeout=MAVEN_SECONDS, env=dict(env), cwd=folder
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NotFetched(f"Maven: {error}") from error
    if result.returncode != 0:
        raise NotFetched(f"Maven: {_first_error(result.stdout)}")
    return folder / f"keycloak-quarkus-dist-{VERSION}.tar.gz"


def _first_error(output: str) -> str:
    lines = (line.removeprefix("[ERROR] ") for line in output.splitlines())
    return next((line[:300] for line in lines if line.strip()), "it failed without a word")


def _from_release(folder: Path, steps: Steps, env: Mapping[str, str], release: str) -> Path:
    name = f"keycloak-{VERSION}.tar.gz"
    url = f"{release}/{VERSION}/{name}"
    try:
        with requests.get(url, stream=True, timeout=(CONNECT_SECONDS, READ_SECONDS)) as response:
            response.raise_for_status()
            _save(response, folder / name, steps)
    except requests.RequestException as error:
        raise NotFetched(f"{url}: {type(error).__name__}") from error
    return folder / name


def _save(response: requests.Response, path: Path, steps: Steps) -> None:
    size = int(response.headers.get("Content-Length", 0)) // MEGABYTE
    done = 0
    with path.open("wb") as out:
        for block in response.iter_content(BLOCK):
            done += out.write(block)
            steps.working(f"Downloading Keycloak {VERSION}: {done // MEGABYTE} of {size} MB")
