"""Templates of a tenant's own in the configuration: checked with it, and nothing starts over a fault."""

import subprocess
import sys
from pathlib import Path

import pytest

from connector.bootstrap import faults_of_templates, make_renderer
from connector.foundation.config import ConfigError, load
from tests.support.builders import ACME, FakeClock
from tests.support.cli import usher_at
from tests.support.configs import SMALL, TENANT, write_config
from tests.support.templates import write_templates

OWN = f"{SMALL}    templates: mails/acme\n"
FAULT = "mails/acme/invitation/en/body.txt:2: there is no variable user.emial; did you mean 'user.email'?"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A configuration whose tenant has good templates."""
    write_templates(tmp_path / "mails" / "acme")
    return write_config(tmp_path, OWN)


def spoil(config: Path) -> None:
    write_templates(config.parent / "mails" / "acme", body_txt="\n{{ user.emial }}{{ invitation.link }}")


def test_a_tenants_folder_is_relative_to_the_configuration(config: Path) -> None:
    settings = load(config, templates=faults_of_templates)
    assert settings.templates == {ACME: config.parent / "mails" / "acme"}
    assert settings.show()["tenants"]["acme"]["templates"] == str(config.parent / "mails" / "acme")


def test_config_check_says_that_good_templates_are(
    config: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert usher_at(config, monkeypatch)("config", "check") == 0
    assert "no fault found" in capsys.readouterr().out


def test_config_check_tells_a_fault_with_its_line(
    config: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    spoil(config)
    assert usher_at(config, monkeypatch)("config", "check") == 2
    assert FAULT in capsys.readouterr().err


def test_a_fault_in_a_template_keeps_nobody_from_keeping_somebody_out(
    config: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    spoil(config)
    assert usher_at(config, monkeypatch)("user", "list", "acme") == 0
    assert FAULT not in capsys.readouterr().err


@pytest.mark.parametrize("verb", [("worker", "--once"), ("serve",), ("run",)])
def test_control_t1_nothing_starts_over_a_fault(config: Path, verb: tuple[str, ...]) -> None:
    """As processes of their own, for servers set up the log before they read the configuration."""
    spoil(config)
    command = [str(Path(sys.executable).with_name("usher")), "--config", str(config), *verb]
    ended = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 2
    assert FAULT in ended.stderr
    assert not (config.parent / "usher.db").exists()


def test_every_tenants_faults_are_told_at_once(config: Path) -> None:
    spoil(config)
    (config.parent / "globex.yaml").write_text(f"{TENANT}templates: nowhere\n")
    config.write_text(f"{OWN}include: globex.yaml\n")
    with pytest.raises(ConfigError) as caught:
        load(config, templates=faults_of_templates)
    told = [str(fault) for fault in caught.value.faults]
    assert len(told) == 2
    assert "no variable user.emial" in told[0]
    assert "there is no such folder of templates" in told[1]


def test_control_t1_what_changed_since_the_check_is_looked_at_again(config: Path) -> None:
    settings = load(config, templates=faults_of_templates)
    make_renderer(settings, FakeClock())
    spoil(config)
    with pytest.raises(ConfigError, match=r"no variable user\.emial"):
        make_renderer(settings, FakeClock())
