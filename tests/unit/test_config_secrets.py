"""A configuration says where secrets are; none is ever shown."""

import json
import traceback
from pathlib import Path

import pytest
from sqlalchemy import make_url

from connector.foundation.config import ConfigError, Secret, load
from tests.support.cli import usher_at
from tests.support.configs import SMALL, changed, write_config

CANARY = "canary-7f3a"


def secret_file(folder: Path, mode: int = 0o600, text: str = CANARY) -> Path:
    (folder / "secrets").mkdir(exist_ok=True)
    path = folder / "secrets" / "runtime"
    path.write_text(text)
    path.chmod(mode)
    return path


def runtime_secret(folder: Path) -> Secret:
    return load(write_config(folder)).realms["main"].runtime.client_secret


def test_a_file_is_read_when_it_is_needed_without_its_last_line_break(tmp_path: Path) -> None:
    secret = runtime_secret(tmp_path)
    secret_file(tmp_path, text=f"{CANARY}\n")
    assert secret.read() == CANARY


def test_a_variable_is_read_when_it_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    secret = Secret.parse("env:USHER_TEST_SECRET", Path("/"))
    assert secret.path is None
    with pytest.raises(ConfigError, match="set the environment variable USHER_TEST_SECRET"):
        secret.read()
    monkeypatch.setenv("USHER_TEST_SECRET", CANARY)
    assert secret.read() == CANARY


def test_a_file_that_is_not_there_yet_is_a_fault_only_when_it_is_read(tmp_path: Path) -> None:
    secret = runtime_secret(tmp_path)
    with pytest.raises(ConfigError, match="usher keycloak apply"):
        secret.read()


def test_config_check_says_which_secrets_are_not_there_yet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("USHER_SETUP_SECRET", raising=False)
    usher = usher_at(write_config(tmp_path), monkeypatch)
    missing = ["env:USHER_SETUP_SECRET", "file:secrets/invite", "file:secrets/provider"]
    assert usher("config", "check") == 0
    assert f"Not there yet: {', '.join([*missing, 'file:secrets/runtime'])}." in capsys.readouterr().out
    secret_file(tmp_path)
    monkeypatch.setenv("USHER_SETUP_SECRET", CANARY)
    assert usher("config", "check") == 0
    shown = capsys.readouterr().out
    assert "Not there yet: file:secrets/invite, file:secrets/provider." in shown
    assert CANARY not in shown


@pytest.mark.parametrize("mode", [0o604, 0o640, 0o660, 0o644, 0o777])
def test_control_k1_a_file_that_others_can_read_is_a_fault_with_its_line(tmp_path: Path, mode: int) -> None:
    path = secret_file(tmp_path, mode)
    with pytest.raises(ConfigError) as caught:
        load(write_config(tmp_path))
    (fault,) = caught.value.faults
    assert fault.where == "keycloak.realms.main.runtime.client_secret"
    assert f"chmod 600 {path}" in fault.message
    assert fault.line == 9


def test_control_k1_a_mode_that_was_widened_later_is_refused_at_the_reading(tmp_path: Path) -> None:
    path = secret_file(tmp_path)
    secret = runtime_secret(tmp_path)
    path.chmod(0o644)
    with pytest.raises(ConfigError, match="mode 0644 lets others at this file"):
        secret.read()


@pytest.mark.parametrize("mode", [0o600, 0o400])
def test_a_file_that_is_stricter_than_needed_is_fine(tmp_path: Path, mode: int) -> None:
    secret_file(tmp_path, mode)
    assert runtime_secret(tmp_path).read() == CANARY


@pytest.mark.parametrize("text", ["", "\n"])
def test_an_empty_secret_is_none(tmp_path: Path, text: str) -> None:
    secret_file(tmp_path, text=text)
    with pytest.raises(ConfigError, match="is empty"):
        runtime_secret(tmp_path).read()


@pytest.mark.parametrize("written", [CANARY, f"file{CANARY}", "file:", f"pass:{CANARY}", "12345"])
def test_control_k1_a_secret_written_into_the_file_is_refused_without_being_shown(
    tmp_path: Path, written: str
) -> None:
    path = write_config(tmp_path, changed("file:secrets/runtime", written))
    with pytest.raises(ConfigError, match="write file:PATH or env:NAME") as caught:
        load(path)
    assert CANARY not in "".join(traceback.format_exception(caught.value))


def test_control_k1_no_secret_is_in_a_repr_a_dump_or_a_traceback(tmp_path: Path) -> None:
    secret_file(tmp_path)
    settings = load(write_config(tmp_path))
    secret = settings.realms["main"].runtime.client_secret
    assert secret.read() == CANARY
    shown = [repr(settings), str(secret), json.dumps(settings.show()), secret]
    assert not [text for text in shown if CANARY in str(text)]
    error = RuntimeError(settings)
    assert CANARY not in "".join(traceback.format_exception(error))


def test_control_k1_a_key_written_twice_shows_no_value(tmp_path: Path) -> None:
    text = changed("{client_id: usher-runtime,", f"{{client_secret: {CANARY}, client_id: u,", SMALL)
    with pytest.raises(ConfigError) as caught:
        load(write_config(tmp_path, text))
    assert CANARY not in str(caught.value)


POSTGRESQL = changed("sqlite:///usher.db", "postgresql://usher@db.example.com:5433/usher?sslmode=require")


def database_url(folder: Path, text: str) -> str:
    settings = load(write_config(folder, text))
    shown = [repr(settings), json.dumps(settings.show(), default=str)]
    assert not [text for text in shown if CANARY in text]
    return settings.database_url()


def test_control_k1_a_databases_password_comes_from_a_file_whatever_is_in_it(tmp_path: Path) -> None:
    secret_file(tmp_path, text=f"p@:/% {CANARY}\n")
    text = changed("keys: keys/", "keys: keys/\ndatabase_password: file:secrets/runtime", POSTGRESQL)
    url = make_url(database_url(tmp_path, text))
    assert url.password == f"p@:/% {CANARY}"
    assert (url.username, url.host, url.port, url.database) == ("usher", "db.example.com", 5433, "usher")
    assert url.query == {"sslmode": "require"}


def test_control_k1_a_databases_whole_address_may_be_a_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = changed("sqlite:///usher.db", "env:USHER_TEST_DATABASE")
    monkeypatch.setenv("USHER_TEST_DATABASE", f"postgresql://u:{CANARY}@h/d")
    assert database_url(tmp_path, text) == f"postgresql://u:{CANARY}@h/d"
    monkeypatch.setenv("USHER_TEST_DATABASE", f"mysql://u:{CANARY}@h/d")
    with pytest.raises(ConfigError, match="env:USHER_TEST_DATABASE: must hold postgresql") as caught:
        database_url(tmp_path, text)
    assert CANARY not in "".join(traceback.format_exception(caught.value))


def test_control_k1_a_password_in_an_address_is_refused_without_being_shown(tmp_path: Path) -> None:
    path = write_config(tmp_path, changed("sqlite:///usher.db", f"postgresql://u:{CANARY}@h/d"))
    with pytest.raises(ConfigError, match="use database_password") as caught:
        load(path)
    assert CANARY not in "".join(traceback.format_exception(caught.value))
