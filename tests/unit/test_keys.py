"""Key files: made once, for our account alone, and refused when anybody else could read them."""

import json
import os
from pathlib import Path

import pytest
from joserfc.jwk import ECKey

from connector.foundation.config import ConfigError
from connector.foundation.keys import LinkKey, create_keys, load_link_keys, load_signing_keys
from connector.foundation.private_files import write_private


def signing_key_file(key_folder: Path) -> Path:
    (path,) = key_folder.glob("oidc-*.json")
    return path


def test_control_o10_keys_are_made_with_mode_0600(made_keys: Path) -> None:
    assert {path.stat().st_mode & 0o777 for path in made_keys.iterdir()} == {0o600}
    assert made_keys.stat().st_mode & 0o777 == 0o700


def test_control_i1_the_link_key_has_256_bits(made_keys: Path) -> None:
    (key,) = load_link_keys(made_keys)
    assert len(key.value) == 32


def test_the_signing_key_is_an_rsa_pair_named_by_its_file(made_keys: Path) -> None:
    (key,) = load_signing_keys(made_keys)
    assert signing_key_file(made_keys).name == f"oidc-{key.kid}.json"
    assert (key.public["kty"], key.public["alg"], key.public["use"]) == ("RSA", "RS256", "sig")
    assert key.key.raw_value.key_size == 2048


def test_control_o10_only_public_halves_are_published(made_keys: Path) -> None:
    (key,) = load_signing_keys(made_keys)
    assert key.public.keys() == {"kty", "use", "alg", "kid", "n", "e"}


def test_control_k1_no_key_is_shown(made_keys: Path) -> None:
    (link,), (signing,) = load_link_keys(made_keys), load_signing_keys(made_keys)
    assert str(signing.key.as_dict(private=True)["d"]) not in repr(signing)
    assert str(link.value) not in repr(link)
    assert link.value.hex() not in repr(LinkKey(link.value))


def test_making_keys_again_changes_nothing(key_folder: Path) -> None:
    before = {path.name: path.read_bytes() for path in key_folder.iterdir()}
    create_keys(key_folder)
    assert {path.name: path.read_bytes() for path in key_folder.iterdir()} == before


def test_only_what_is_absent_is_made(key_folder: Path) -> None:
    signing = signing_key_file(key_folder)
    (key_folder / "links.key").unlink()
    create_keys(key_folder)
    assert signing_key_file(key_folder) == signing
    assert len(load_link_keys(key_folder)) == 1


def test_two_installations_share_no_key(made_keys: Path, tmp_path: Path) -> None:
    create_keys(tmp_path)
    assert load_link_keys(tmp_path)[0].value != load_link_keys(made_keys)[0].value
    assert load_signing_keys(tmp_path)[0].kid != load_signing_keys(made_keys)[0].kid


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o620])
def test_control_k1_a_key_that_others_can_get_at_is_refused_with_what_to_do(
    key_folder: Path, mode: int
) -> None:
    for path, load in (
        (key_folder / "links.key", load_link_keys),
        (signing_key_file(key_folder), load_signing_keys),
    ):
        path.chmod(mode)
        with pytest.raises(ConfigError, match=rf"mode {mode:04o} lets others .* chmod 600 {path}"):
            load(key_folder)


def test_absent_keys_say_how_they_are_made(tmp_path: Path) -> None:
    for load in (load_link_keys, load_signing_keys):
        with pytest.raises(ConfigError, match="`usher init`"):
            load(tmp_path / "none")


@pytest.mark.parametrize("size", [0, 31, 33])
def test_a_link_key_of_another_length_is_refused(key_folder: Path, size: int) -> None:
    (key_folder / "links.key").write_bytes(b"x" * size)
    with pytest.raises(ConfigError, match="exactly 32 bytes"):
        load_link_keys(key_folder)


def spoilt(key_folder: Path, text: str) -> None:
    signing_key_file(key_folder).write_text(text)


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "7", '"x"', "{}", '{"kty": "RSA", "n": "AQAB", "e": "AQAB"}']
)
def test_a_file_that_holds_no_pair_is_refused_by_name(key_folder: Path, text: str) -> None:
    spoilt(key_folder, text)
    with pytest.raises(ConfigError, match="oidc-"):
        load_signing_keys(key_folder)


def test_a_public_half_cannot_sign(key_folder: Path) -> None:
    spoilt(key_folder, json.dumps(load_signing_keys(key_folder)[0].public))
    with pytest.raises(ConfigError, match="private key"):
        load_signing_keys(key_folder)


def test_a_key_of_another_kind_is_refused(key_folder: Path) -> None:
    key = ECKey.generate_key("P-256", parameters={"alg": "ES256", "kid": "x"}, private=True)
    spoilt(key_folder, json.dumps(key.as_dict(private=True)))
    with pytest.raises(ConfigError, match="RSA"):
        load_signing_keys(key_folder)


@pytest.mark.parametrize("name", ["links-.key", "links-soon.key", "links--1.key", "links-\u0661.key"])
def test_a_link_key_whose_name_says_no_time_is_refused(key_folder: Path, name: str) -> None:
    write_private(key_folder / name, bytes(32))
    with pytest.raises(ConfigError, match=r"links-N\.key"):
        load_link_keys(key_folder)


@pytest.mark.parametrize("nbf", ["soon", None, [1]])
def test_a_signing_key_that_says_no_time_is_refused(key_folder: Path, nbf: object) -> None:
    jwk = json.loads(signing_key_file(key_folder).read_text())
    spoilt(key_folder, json.dumps(jwk | {"nbf": nbf}))
    with pytest.raises(ConfigError, match="oidc-"):
        load_signing_keys(key_folder)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make files for others; run the tests as root")
def test_what_root_makes_belongs_to_whoever_owns_the_folder(tmp_path: Path) -> None:
    os.chown(tmp_path, 12345, 12345)
    write_private(tmp_path / "file", b"secret")
    assert (tmp_path / "file").stat().st_uid == 12345


def test_a_private_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "file"
    assert write_private(path, b"first") is True
    assert write_private(path, b"second") is False
    assert path.read_bytes() == b"first"
    assert [p.name for p in tmp_path.iterdir()] == ["file"], "no draft is left"
