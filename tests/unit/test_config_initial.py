"""What a newcomer starts from."""

from pathlib import Path

import pytest

from connector.domain.model import TenantId
from connector.foundation.config import ConfigError, load
from connector.foundation.config_initial import write_initial
from connector.foundation.keys import load_link_keys, load_signing_keys


def modes(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mode & 0o777 for path in sorted(folder.rglob("*"))}


def test_what_is_written_first_loads_without_a_fault(tmp_path: Path) -> None:
    path = write_initial(tmp_path / "new", "acme")
    settings = load(path)
    assert list(settings.tenants) == [TenantId("acme")]
    assert settings.tenants[TenantId("acme")].name == "Acme"
    assert settings.mail.files == tmp_path / "new" / "mails"
    assert settings.realms["main"].url == "http://localhost:8080"
    load_link_keys(settings.keys)
    load_signing_keys(settings.keys)


def test_control_o10_keys_and_secrets_are_for_our_account_alone(tmp_path: Path) -> None:
    write_initial(tmp_path, "acme")
    found = modes(tmp_path)
    assert (found["keys"], found["secrets"], found["links.key"]) == (0o700, 0o700, 0o600)
    assert {mode for name, mode in found.items() if name.startswith("oidc-")} == {0o600}


def test_nothing_is_ever_overwritten(tmp_path: Path) -> None:
    path = write_initial(tmp_path, "acme")
    path.write_text("mine")
    key = (tmp_path / "keys" / "links.key").read_bytes()
    with pytest.raises(ConfigError, match="is there already and stays as it is"):
        write_initial(tmp_path, "globex")
    assert path.read_text() == "mine"
    assert (tmp_path / "keys" / "links.key").read_bytes() == key


def test_keys_that_are_there_without_a_configuration_stay(tmp_path: Path) -> None:
    write_initial(tmp_path, "acme").unlink()
    before = {path.name: path.read_bytes() for path in (tmp_path / "keys").iterdir()}
    write_initial(tmp_path, "acme")
    assert {path.name: path.read_bytes() for path in (tmp_path / "keys").iterdir()} == before


@pytest.mark.parametrize("tenant", ["7", "true", "null", "a-b-c", "1e3", "0x1f", "no"])
def test_any_name_that_may_be_a_tenants_is_written_so_that_it_loads(tmp_path: Path, tenant: str) -> None:
    assert list(load(write_initial(tmp_path, tenant)).tenants) == [tenant]


@pytest.mark.parametrize("tenant", ["", "Acme", "a b", "-a", "a/b", "a: b"])
def test_a_name_that_cannot_be_a_tenants_is_refused_before_anything_is_written(
    tmp_path: Path, tenant: str
) -> None:
    with pytest.raises(ConfigError, match="a-z, 0-9 and -"):
        write_initial(tmp_path / "new", tenant)
    assert not (tmp_path / "new").exists()


def test_a_folder_that_cannot_be_made_says_why(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="cannot be written"):
        write_initial(tmp_path / "file" / "new", "acme")
