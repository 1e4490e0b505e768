"""How the demo comes by Keycloak and Java, with stand-ins for both: little scripts, and a release page on
loopback. The real ones are in ``test_demo_keycloak.py``.
"""

import os
import socket
import tarfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from flask import Flask, Response

from connector.demo.archive import VERSION, fetch, unpack
from connector.demo.errors import DemoError
from connector.demo.java import find_java, java_version
from connector.demo.obtain import cache_folder, java_environment, obtain_keycloak
from connector.demo.process import Child, free_port, watch
from connector.demo.steps import PlainSteps
from connector.demo.web import serving

STEPS = PlainSteps()
SYSTEM_PATH = "/usr/bin:/bin"


def script(path: Path, body: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return path


def a_java(folder: Path, version: str) -> Path:
    script(folder / "bin" / "java", f"echo 'openjdk version \"{version}\" 2025-04-15' >&2")
    return folder


def a_keycloak(folder: Path, build: str = 'echo "$@" >> "$0.built"') -> Path:
    script(folder / "bin" / "kc.sh", build)
    for name in ("lib", "conf", "providers", "data"):
        (folder / name).mkdir()
    (folder / "data" / "db").touch()
    return folder


# --- Java ------------------------------------------------------------------------------------------


def test_java_home_comes_first_then_the_path(tmp_path: Path) -> None:
    home, other = a_java(tmp_path / "home", "25.0.2"), a_java(tmp_path / "other", "21.0.7")
    path = f"{other / 'bin'}:{SYSTEM_PATH}"
    assert find_java({"JAVA_HOME": str(home), "PATH": path}) == home
    assert find_java({"PATH": path}) == other


@pytest.mark.parametrize("version", ["17.0.15", "1.8.0_412", "24.0.1"])
def test_a_java_that_keycloak_is_not_tested_on_is_passed_over(tmp_path: Path, version: str) -> None:
    old = a_java(tmp_path / "old", version)
    found = find_java({"JAVA_HOME": str(old), "PATH": f"{old / 'bin'}:{SYSTEM_PATH}"})
    assert found != old
    assert java_version(found) in {21, 25}


def test_a_java_home_that_is_none_is_passed_over(tmp_path: Path) -> None:
    assert java_version(tmp_path) is None
    assert java_version(find_java({"JAVA_HOME": str(tmp_path), "PATH": str(tmp_path)})) in {21, 25}


# --- Keycloak --------------------------------------------------------------------------------------


def test_a_keycloak_of_ones_own_is_copied_built_once_and_left_as_it_was(tmp_path: Path) -> None:
    own, cache = a_keycloak(tmp_path / "own"), tmp_path / "cache"
    env = {"KEYCLOAK_HOME": str(own), "PATH": SYSTEM_PATH}
    first = obtain_keycloak(tmp_path, STEPS, env, cache)
    second = obtain_keycloak(tmp_path, STEPS, env, cache)
    assert first == second != own
    assert (first / "bin" / "kc.sh.built").read_text() == "build --db=dev-file --health-enabled=true\n"
    assert not (first / "data").exists()
    assert not (own / "bin" / "kc.sh.built").exists()


def test_a_changed_keycloak_of_ones_own_is_built_anew(tmp_path: Path) -> None:
    own, cache = a_keycloak(tmp_path / "own"), tmp_path / "cache"
    env = {"KEYCLOAK_HOME": str(own), "PATH": SYSTEM_PATH}
    first = obtain_keycloak(tmp_path, STEPS, env, cache)
    os.utime(own / "providers", (1, 1))
    assert obtain_keycloak(tmp_path, STEPS, env, cache) != first


def test_a_build_that_fails_says_why_and_leaves_nothing_to_be_found(tmp_path: Path) -> None:
    own, cache = a_keycloak(tmp_path / "own", "echo no space left; exit 3"), tmp_path / "cache"
    env = {"KEYCLOAK_HOME": str(own), "PATH": SYSTEM_PATH}
    for _ in range(2):
        with pytest.raises(DemoError, match="no space left") as caught:
            obtain_keycloak(tmp_path, STEPS, env, cache)
        assert "exit code 3" in caught.value.what
    assert [path for path in cache.iterdir() if path.is_dir()] == []


def test_a_keycloak_home_that_is_none_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(DemoError, match=r"no bin/kc\.sh"):
        obtain_keycloak(tmp_path, STEPS, {"KEYCLOAK_HOME": str(tmp_path)}, tmp_path / "cache")


def test_a_built_one_in_the_cache_is_taken_without_asking_anybody(tmp_path: Path) -> None:
    cached = tmp_path / f"keycloak-{VERSION}"
    cached.mkdir()
    assert obtain_keycloak(tmp_path, STEPS, {"PATH": ""}, tmp_path) == cached


def test_the_cache_is_the_users_own(tmp_path: Path) -> None:
    assert cache_folder({"XDG_CACHE_HOME": str(tmp_path)}) == tmp_path / "portal-usher"
    assert cache_folder({}) == Path.home() / ".cache" / "portal-usher"


def test_keycloak_sees_none_of_the_variables_that_would_change_it(tmp_path: Path) -> None:
    env = {"KC_DB": "postgres", "JAVA_OPTS": "-Xmx1m", "JAVA": "/x", "HOME": "/home", "HTTPS_PROXY": "p"}
    assert java_environment(tmp_path, env) == {
        "HOME": "/home",
        "HTTPS_PROXY": "p",
        "JAVA_HOME": str(tmp_path),
    }


# --- the archive -----------------------------------------------------------------------------------


@contextmanager
def release_page(answer: Response) -> Iterator[str]:
    page = Flask("release")
    page.before_request(lambda: answer)
    with serving(page, free_port()) as url:
        yield url


def test_an_archive_that_is_not_the_known_one_is_not_unpacked_wherever_it_came_from(
    tmp_path: Path,
) -> None:
    target = '$(echo "$@" | sed "s/.*-DoutputDirectory=//")'
    maven = script(
        tmp_path / "bin" / "mvn", f'echo other > "{target}/keycloak-quarkus-dist-{VERSION}.tar.gz"'
    )
    env = {"PATH": f"{maven.parent}:{SYSTEM_PATH}"}
    with release_page(Response(b"another")) as url, pytest.raises(DemoError) as caught:
        fetch(tmp_path, STEPS, env, release=url)
    assert caught.value.what.count("its SHA-256 is") == 2
    assert "KEYCLOAK_HOME" in caught.value.do


def test_when_nobody_has_the_archive_each_is_named_with_its_reason(tmp_path: Path) -> None:
    maven = script(tmp_path / "bin" / "mvn", "echo '[ERROR] Unknown host'; exit 1")
    env = {"PATH": f"{maven.parent}:{SYSTEM_PATH}"}
    with release_page(Response(status=404)) as url, pytest.raises(DemoError) as caught:
        fetch(tmp_path, STEPS, env, release=url)
    assert "Maven: Unknown host" in caught.value.what
    assert f"{url}/{VERSION}/keycloak-{VERSION}.tar.gz: HTTPError" in caught.value.what


def test_without_maven_and_without_a_network_it_says_so(tmp_path: Path) -> None:
    nobody = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(DemoError) as caught:
        fetch(tmp_path, STEPS, {"PATH": str(tmp_path)}, release=nobody)
    assert "there is no 'mvn' on the path" in caught.value.what
    assert "ConnectionError" in caught.value.what


def test_nothing_is_unpacked_outside_the_folder(tmp_path: Path) -> None:
    (tmp_path / "evil").write_text("x")
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz") as tar:
        tar.add(tmp_path / "evil", arcname="../outside")
    into = tmp_path / "into"
    into.mkdir()
    with pytest.raises(tarfile.OutsideDestinationError):
        unpack(tmp_path / "a.tar.gz", into)
    assert not (tmp_path / "outside").exists()


# --- programs beside us ----------------------------------------------------------------------------


def a_child(folder: Path, body: str) -> Child:
    return Child("Thing", ["/bin/sh", "-c", body], log=folder / "log", env={"PATH": SYSTEM_PATH})


def test_a_program_that_dies_is_told_with_the_end_of_its_log(tmp_path: Path) -> None:
    with a_child(tmp_path, "echo port 8080 in use; exit 7") as child, pytest.raises(DemoError) as caught:
        child.wait_until(lambda: False, seconds=10)
    assert "Thing ended with exit code 7" in caught.value.what
    assert "port 8080 in use" in caught.value.what
    assert str(tmp_path / "log") in caught.value.do


def test_a_program_that_is_too_slow_is_told_too(tmp_path: Path) -> None:
    with a_child(tmp_path, "sleep 60") as child, pytest.raises(DemoError, match="was not ready"):
        child.wait_until(lambda: False, seconds=0)


def test_a_program_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(DemoError, match="No such file"):
        Child("Thing", [str(tmp_path / "none")], log=tmp_path / "log", env={})


def test_nothing_that_a_program_started_outlives_it(tmp_path: Path) -> None:
    body = f"(trap '' TERM; exec sleep 600) & echo $! > {tmp_path / 'pid'}; wait"
    with a_child(tmp_path, body) as child:
        child.wait_until(lambda: (tmp_path / "pid").exists(), seconds=10)
        child.wait_until(lambda: bool((tmp_path / "pid").read_text()), seconds=10)
        grandchild = int((tmp_path / "pid").read_text())
        assert _runs(grandchild)
    assert child.exit_code == -15
    assert _ends(grandchild)


def test_the_watch_ends_when_one_of_the_watched_ends(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    with a_child(tmp_path / "a", "sleep 600") as one, a_child(tmp_path, "exit 0") as other:
        with pytest.raises(DemoError, match="Thing ended with exit code 0"):
            watch([one, other])
        assert one.is_running


def test_a_free_port_can_be_listened_on() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", free_port()))


def test_a_page_whose_port_was_taken_meanwhile_says_so() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(DemoError, match=f"{port} was taken"), serving(Flask("late"), port):
            pass


def _ends(process: int) -> bool:
    """Whether it is gone soon: a kill takes the system a moment."""
    end = time.monotonic() + 10
    while _runs(process) and time.monotonic() < end:
        time.sleep(0.05)
    return not _runs(process)


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    state = Path(f"/proc/{process}/stat")
    return not state.exists() or ") Z " not in state.read_text()
