"""Where the demo's Keycloak comes from: the cache, ``KEYCLOAK_HOME``, or a fetched archive. Small scripts
play Keycloak and Maven.
"""

import hashlib
import io
import os
import tarfile
from pathlib import Path

import pytest
import requests
import responses

from connector.demo.archive import SHA256, VERSION, fetch, unpack
from connector.demo.errors import DemoError
from connector.demo.obtain import cache_folder, obtain_keycloak
from tests.support.programs import program

RELEASE = "https://releases.example"
DOWNLOAD = f"{RELEASE}/{VERSION}/keycloak-{VERSION}.tar.gz"
BUILDS = '#!/bin/sh\nhere=$(dirname "$0")/..\necho "$*" >> "$here/lib/built"\n'
FAILS = "#!/bin/sh\necho the disk is full\nexit 3\n"


class Silent:
    """Steps that only remember what was worked on."""

    def __init__(self) -> None:
        self.worked: list[str] = []

    def say(self, line: str) -> None:
        raise AssertionError("nothing here ends a step")

    def working(self, text: str, *, brief: bool = False) -> None:
        if text not in self.worked:
            self.worked.append(text)


@pytest.fixture
def steps() -> Silent:
    return Silent()


def distribution(folder: Path, script: str = BUILDS) -> Path:
    program(folder / "bin" / "kc.sh", script)
    (folder / "lib").mkdir(exist_ok=True)
    (folder / "version.txt").write_text("Keycloak")
    (folder / "data").mkdir(exist_ok=True)
    return folder


def obtain(tmp_path: Path, steps: Silent, **env: str) -> Path:
    given = {"PATH": os.environ["PATH"], **env}
    return obtain_keycloak(tmp_path / "java", steps, given, tmp_path / "cache")


# --- the cache and KEYCLOAK_HOME -------------------------------------------------------------------


def test_the_cached_copy_is_taken_and_nothing_is_fetched(tmp_path: Path, steps: Silent) -> None:
    cached = tmp_path / "cache" / f"keycloak-{VERSION}"
    cached.mkdir(parents=True)
    assert obtain(tmp_path, steps) == cached
    assert steps.worked == []


def test_the_cache_is_where_the_user_keeps_caches() -> None:
    assert cache_folder({"XDG_CACHE_HOME": "/caches"}) == Path("/caches/portal-usher")
    assert cache_folder({}) == Path.home() / ".cache" / "portal-usher"


def test_keycloak_home_is_copied_and_built_once_and_left_as_it_is(tmp_path: Path, steps: Silent) -> None:
    home = distribution(tmp_path / "mine")
    first = obtain(tmp_path, steps, KEYCLOAK_HOME=str(home))
    second = obtain(tmp_path, steps, KEYCLOAK_HOME=str(home))
    assert first == second
    assert (first / "lib" / "built").read_text() == "build --db=dev-file --health-enabled=true\n"
    assert not (first / "data").exists()
    assert not (home / "lib" / "built").exists()


def test_an_exchanged_distribution_in_keycloak_home_is_built_anew(tmp_path: Path, steps: Silent) -> None:
    home = distribution(tmp_path / "mine")
    first = obtain(tmp_path, steps, KEYCLOAK_HOME=str(home))
    os.utime(home / "version.txt", (1, 1))
    assert obtain(tmp_path, steps, KEYCLOAK_HOME=str(home)) != first


def test_a_keycloak_home_without_a_keycloak_is_refused_with_what_to_do(
    tmp_path: Path, steps: Silent
) -> None:
    with pytest.raises(DemoError, match=r"has no bin/kc\.sh") as refused:
        obtain(tmp_path, steps, KEYCLOAK_HOME=str(tmp_path))
    assert "unset it" in refused.value.do


def test_a_failed_build_says_why_and_leaves_nothing_to_be_found(tmp_path: Path, steps: Silent) -> None:
    home = distribution(tmp_path / "mine", FAILS)
    with pytest.raises(DemoError, match="the disk is full") as failed:
        obtain(tmp_path, steps, KEYCLOAK_HOME=str(home))
    assert "exit code 3" in failed.value.what
    assert {path.name for path in (tmp_path / "cache").iterdir()} == {"lock", "build.log"}


# --- fetching --------------------------------------------------------------------------------------


def a_maven(folder: Path, *, writes: bytes) -> dict[str, str]:
    """An environment with a Maven that puts an archive where it is told to."""
    (folder / "archive").write_bytes(writes)
    script = f'#!/bin/sh\nfor word; do case $word in -DoutputDirectory=*) to=${{word#*=}};; esac; done\n/bin/cp {folder}/archive "$to/keycloak-quarkus-dist-{VERSION}.tar.gz"\n'  # noqa: E501
    program(folder / "bin" / "mvn", script)
    return {"PATH": str(folder / "bin")}


def no_maven(folder: Path) -> dict[str, str]:
    return {"PATH": str(folder / "nothing")}


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def test_maven_is_asked_first(tmp_path: Path, steps: Silent) -> None:
    env = a_maven(tmp_path, writes=b"good")
    archive = fetch(tmp_path, steps, env, release=RELEASE, sha256=digest(b"good"))
    assert archive.read_bytes() == b"good"
    assert steps.worked == [f"Fetching Keycloak {VERSION} with Maven (175 MB)"]


@responses.activate
def test_without_maven_the_release_is_downloaded(tmp_path: Path, steps: Silent) -> None:
    responses.get(DOWNLOAD, body=b"good", headers={"Content-Length": "4"})
    archive = fetch(tmp_path, steps, no_maven(tmp_path), release=RELEASE, sha256=digest(b"good"))
    assert archive.read_bytes() == b"good"


@responses.activate
def test_what_maven_gives_with_a_wrong_checksum_is_left_for_the_release(
    tmp_path: Path, steps: Silent
) -> None:
    responses.get(DOWNLOAD, body=b"good")
    env = a_maven(tmp_path, writes=b"tampered with")
    archive = fetch(tmp_path, steps, env, release=RELEASE, sha256=digest(b"good"))
    assert archive.read_bytes() == b"good"


@responses.activate
def test_a_wrong_checksum_everywhere_is_refused_with_both_sums(tmp_path: Path, steps: Silent) -> None:
    responses.get(DOWNLOAD, body=b"tampered with")
    with pytest.raises(DemoError) as refused:
        fetch(tmp_path, steps, a_maven(tmp_path, writes=b"tampered with"), release=RELEASE)
    assert refused.value.what.count(f"its SHA-256 is {digest(b'tampered with')}, not {SHA256}") == 2
    assert "KEYCLOAK_HOME" in refused.value.do


@responses.activate
def test_without_a_network_each_source_is_named_with_its_reason(tmp_path: Path, steps: Silent) -> None:
    responses.get(DOWNLOAD, body=requests.ConnectionError("no route"))
    with pytest.raises(DemoError) as refused:
        fetch(tmp_path, steps, no_maven(tmp_path), release=RELEASE)
    assert "there is no 'mvn' on the path" in refused.value.what
    assert f"{DOWNLOAD}: ConnectionError" in refused.value.what
    assert "Check the network" in refused.value.do


@responses.activate
def test_a_maven_that_fails_is_quoted(tmp_path: Path, steps: Silent) -> None:
    program(tmp_path / "bin" / "mvn", "#!/bin/sh\necho '[ERROR] Could not resolve host'\nexit 1\n")
    responses.get(DOWNLOAD, status=404)
    with pytest.raises(DemoError, match="Maven: Could not resolve host"):
        fetch(tmp_path, steps, {"PATH": str(tmp_path / "bin")}, release=RELEASE)


def test_an_archive_cannot_write_beside_its_folder(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "bad.tar.gz", "w:gz") as tar:
        member = tarfile.TarInfo("../beside")
        member.size = 1
        tar.addfile(member, io.BytesIO(b"x"))
    with pytest.raises(tarfile.FilterError):
        unpack(tmp_path / "bad.tar.gz", tmp_path / "here")
    assert not (tmp_path / "beside").exists()
