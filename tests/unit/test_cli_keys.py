"""``usher keys``: what there is, and how another takes over."""

import json
import time
from pathlib import Path

import pytest

from connector.foundation.config_initial import write_initial
from tests.support.cli import Usher, usher_at


@pytest.fixture
def usher(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Usher:
    return usher_at(write_initial(tmp_path, "acme"), monkeypatch)


def listed(usher: Usher, capsys: pytest.CaptureFixture[str]) -> list[dict[str, str]]:
    capsys.readouterr()
    assert usher("keys", "list", "--json") == 0
    found: list[dict[str, str]] = json.loads(capsys.readouterr().out)
    return found


def test_keys_list_names_each_key_its_use_and_its_state(
    usher: Usher, capsys: pytest.CaptureFixture[str]
) -> None:
    signing, link = listed(usher, capsys)
    assert signing == {
        "use": "tokens",
        "kid": signing["kid"],
        "algorithm": "RS256",
        "state": "signing",
        "since": None,
        "publishedUntil": None,
        "file": f"oidc-{signing['kid']}.json",
    }
    assert (link["use"], link["kid"], link["algorithm"], link["file"]) == (
        "links",
        "links",
        "HS256",
        "links.key",
    )


def test_keys_rotate_makes_a_key_that_signs_ten_minutes_later_and_refuses_another(
    usher: Usher, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert usher("keys", "rotate") == 0
    assert "signs tokens from " in capsys.readouterr().out
    old, new, _ = listed(usher, capsys)
    assert (old["state"], new["state"]) == ("signing", "next")
    assert old["publishedUntil"] > new["since"] > time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    assert usher("keys", "rotate") == 1
    assert "A rotation is under way" in capsys.readouterr().err
    assert len(list((tmp_path / "keys").glob("oidc-*.json"))) == 2


def test_keys_list_tells_people_what_each_key_does(
    usher: Usher, capsys: pytest.CaptureFixture[str]
) -> None:
    usher("keys", "rotate", "--links")
    usher("keys", "rotate")
    capsys.readouterr()
    assert usher("keys", "list") == 0
    shown = capsys.readouterr().out
    states = [line.split()[3] for line in shown.splitlines()[1:]]
    assert states == ["signing", "next", "sealing", "next"]


def test_stolen_link_keys_go_at_once_and_it_says_what_that_means(
    usher: Usher, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert usher("keys", "rotate", "--links", "--stolen") == 0
    assert "resend the open invitations" in capsys.readouterr().out
    (left,) = (tmp_path / "keys").glob("links*.key")
    assert left.name != "links.key"


def test_no_verb_shows_a_key(usher: Usher, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    usher("keys", "rotate")
    usher("keys", "list")
    shown = capsys.readouterr().out + json.dumps(listed(usher, capsys))
    for path in (tmp_path / "keys").glob("oidc-*.json"):
        assert json.loads(path.read_text())["d"][:20] not in shown
