"""The rotation of keys: known before it is used, good for what it was used on."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from connector.foundation.config import ConfigError
from connector.foundation.key_lives import KEPT, KeyLife, Stage, Use, lives
from connector.foundation.key_ring import LinkKeyRing, SigningKeyRing
from connector.foundation.key_rotation import LEAD, RotationUnderWay, rotate
from connector.foundation.keys import LinkKey, create_signing_key
from connector.foundation.links import InvitationLinks
from connector.foundation.oidc import CLOCK_SKEW, UnknownKey, jwks, sign_id_token, verify_id_token
from connector.foundation.private_files import write_private
from tests.support.builders import NOW, FakeClock
from tests.support.invite_room import a_room, query_of

ID = "0123456789abcdef0123456789abcdef"
ISSUER = "https://usher.example.com/oidc/main"
NONCE = "keycloak-nonce"


def stages(key_folder: Path, now: float, use: Use = Use.TOKENS) -> list[Stage]:
    return [life.stage for life in lives(key_folder, now=now) if life.use is use]


def kids(ring: SigningKeyRing, now: float) -> set[str]:
    return {key["kid"] for key in ring.at(now).published}


# --- signing keys ----------------------------------------------------------------------------------


def test_control_o10_a_new_key_is_published_ten_minutes_before_it_signs_and_the_old_one_a_day_after(
    key_folder: Path,
) -> None:
    ring = SigningKeyRing(key_folder)
    (old,) = kids(ring, NOW)
    new = rotate(key_folder, Use.TOKENS, now=NOW)
    begins = NOW + LEAD
    assert new.since == begins
    assert LEAD >= 600
    assert KEPT >= 86400
    for now, signing, published in (
        (NOW, old, {old, new.name}),
        (begins - 1, old, {old, new.name}),
        (begins, new.name, {old, new.name}),
        (begins + KEPT - 1, new.name, {old, new.name}),
        (begins + KEPT, new.name, {new.name}),
    ):
        assert ring.at(now).current.kid == signing
        assert kids(ring, now) == published


def test_control_o10_the_stages_of_a_rotation(key_folder: Path) -> None:
    assert stages(key_folder, NOW) == [Stage.CURRENT]
    rotate(key_folder, Use.TOKENS, now=NOW)
    assert stages(key_folder, NOW) == [Stage.CURRENT, Stage.NEXT]
    assert stages(key_folder, NOW + LEAD) == [Stage.FORMER, Stage.CURRENT]
    assert stages(key_folder, NOW + LEAD + KEPT) == [Stage.RETIRED, Stage.CURRENT]
    rotate(key_folder, Use.TOKENS, now=NOW + LEAD + KEPT)
    later = NOW + LEAD + KEPT
    assert stages(key_folder, later) == [Stage.CURRENT, Stage.NEXT], "the retired one's file is gone"


def test_control_o10_a_new_keys_file_is_for_our_account_alone(key_folder: Path) -> None:
    for use in Use:
        assert rotate(key_folder, use, now=NOW).file.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("use", Use)
def test_a_second_rotation_waits_for_the_first(key_folder: Path, use: Use) -> None:
    new = rotate(key_folder, use, now=NOW)
    before = sorted(key_folder.iterdir())
    with pytest.raises(RotationUnderWay, match=rf"{new.name} takes over at 2027-01-15T08:10:00Z, in 9 min"):
        rotate(key_folder, use, now=NOW + 60)
    assert sorted(key_folder.iterdir()) == before
    rotate(key_folder, use, now=NOW + LEAD)


def test_a_stolen_signing_key_is_worth_nothing_at_once(key_folder: Path) -> None:
    ring = SigningKeyRing(key_folder)
    old, coming = ring.at(NOW), rotate(key_folder, Use.TOKENS, now=NOW)
    new = rotate(key_folder, Use.TOKENS, now=NOW + 1, stolen=True)
    assert new.stage is Stage.CURRENT
    assert kids(ring, NOW + 1) == {new.name}
    assert new.name not in {coming.name, old.current.kid}
    with pytest.raises(UnknownKey):
        verified(sign_id_token(old, claims(NOW)), jwks(ring.at(NOW + 1)), NOW)


def test_a_clock_that_goes_back_before_every_beginning_finds_the_first_key(key_folder: Path) -> None:
    rotate(key_folder, Use.TOKENS, now=NOW, stolen=True)
    (only,) = SigningKeyRing(key_folder).at(NOW).published
    assert SigningKeyRing(key_folder).at(NOW - 8 * 86400).current.kid == only["kid"]


# --- a running server ------------------------------------------------------------------------------


def test_a_running_server_takes_a_new_key_without_a_restart(key_folder: Path) -> None:
    ring = SigningKeyRing(key_folder)
    assert len(ring.at(NOW).published) == 1
    rotate(key_folder, Use.TOKENS, now=NOW)
    assert len(ring.at(NOW).published) == 2


def test_a_key_that_cannot_be_read_is_an_error_in_the_log_and_the_good_ones_stay_in_use(
    key_folder: Path,
) -> None:
    ring = SigningKeyRing(key_folder)
    before = ring.at(NOW)
    new = rotate(key_folder, Use.TOKENS, now=NOW)
    new.file.chmod(0o644)
    with capture_logs() as lines:
        assert ring.at(NOW + LEAD) == before
        assert ring.at(NOW + LEAD) == before
    assert [line["event"] for line in lines] == ["keys_unreadable"], "said once, not at each use"
    assert "chmod 600" in lines[0]["detail"]
    new.file.chmod(0o600)
    assert ring.at(NOW + LEAD).current.kid == new.name


def test_at_the_beginning_a_key_that_cannot_be_read_is_refused(key_folder: Path) -> None:
    next(key_folder.glob("oidc-*")).chmod(0o644)
    with pytest.raises(ConfigError, match="chmod 600"):
        SigningKeyRing(key_folder)


def test_keys_that_vanish_leave_the_ones_that_were_read(key_folder: Path) -> None:
    ring = SigningKeyRing(key_folder)
    before = ring.at(NOW)
    for path in key_folder.iterdir():
        path.unlink()
    key_folder.rmdir()
    assert ring.at(NOW) == before


# --- 200 hand-overs --------------------------------------------------------------------------------


class CachedKeys:
    """Keycloak's view of our key set: looked up when a token names a key it does not know, and not again
    within ten seconds (PublicKeyStorageManager, measured P6).
    """

    def __init__(self, fetch: Callable[[], dict[str, Any]], clock: FakeClock) -> None:
        self._fetch, self._clock = fetch, clock
        self._keys, self._at = fetch(), clock.now()

    def verify(self, token: str) -> dict[str, Any]:
        try:
            return verified(token, self._keys, self._clock.now())
        except UnknownKey:
            if self._clock.now() < self._at + 10:
                raise
        self._keys, self._at = self._fetch(), self._clock.now()
        return verified(token, self._keys, self._clock.now())


def claims(now: float) -> dict[str, Any]:
    fixed = {"iss": ISSUER, "aud": "keycloak", "sub": "5" * 32, "nonce": NONCE}
    return fixed | {"iat": int(now), "exp": int(now) + 60, "auth_time": int(now)}


def verified(token: str, keys: dict[str, Any], now: float) -> dict[str, Any]:
    return verify_id_token(token, keys, issuer=ISSUER, audience="keycloak", nonce=NONCE, now=now)


def test_control_o10_two_hundred_hand_overs_during_a_rotation_are_all_believed(tmp_path: Path) -> None:
    room = a_room(tmp_path)
    browser = room.browser()
    browser.press()
    keycloak = CachedKeys(lambda: browser.get("/oidc/main/jwks").get_json(), room.clock)
    signed_by = set()
    for number in range(200):
        if number == 10:
            rotate(room.settings.keys, Use.TOKENS, now=room.clock.now())
        code = query_of(browser.authorize().headers["Location"])["code"]
        token = browser.token(code).get_json()["id_token"]
        assert keycloak.verify(token)["sub"] == room.handover().sub, number
        signed_by.add(token.partition(".")[0])
        room.clock.move(4)
    assert len(signed_by) == 2, "both keys have signed"


def test_control_o10_a_key_used_as_soon_as_it_is_published_would_be_refused_by_a_fresh_cache(
    key_folder: Path,
) -> None:
    """Why there is a lead: Keycloak has just looked, finds the new key unknown, and may not look again."""
    clock, ring = FakeClock(), SigningKeyRing(key_folder)
    keycloak = CachedKeys(lambda: jwks(ring.at(clock.now())), clock)
    rotate(key_folder, Use.TOKENS, now=clock.now(), lead=0)
    with pytest.raises(UnknownKey):
        keycloak.verify(sign_id_token(ring.at(clock.now()), claims(clock.now())))
    clock.move(CLOCK_SKEW)
    assert keycloak.verify(sign_id_token(ring.at(clock.now()), claims(clock.now())))


def test_control_o10_threads_that_sign_while_keys_come_and_go_never_sign_with_an_unpublished_one(
    key_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    others = tmp_path_factory.mktemp("others")
    coming = [create_signing_key(others, since=number) for number in (1, 2)]
    ring, stop, failures = SigningKeyRing(key_folder), threading.Event(), []

    def sign() -> None:
        while not stop.is_set():
            keys = ring.at(NOW)
            if keys.current.kid not in {key["kid"] for key in keys.published}:
                failures.append(keys.current.kid)

    threads = [threading.Thread(target=sign) for _ in range(2)]
    for thread in threads:
        thread.start()
    for path in coming:
        write_private(key_folder / path.name, path.read_bytes())
    for path in coming:
        (key_folder / path.name).unlink()
    stop.set()
    for thread in threads:
        thread.join()
    assert failures == []


# --- link keys -------------------------------------------------------------------------------------


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def links(key_folder: Path, clock: FakeClock) -> InvitationLinks:
    return InvitationLinks("https://usher.example.com", LinkKeyRing(key_folder, clock.now))


def token(links: InvitationLinks, generation: int = 1) -> str:
    return links.invitation(ID, generation).rpartition("/")[2]


def test_control_i2_a_mailed_link_stays_good_when_another_key_takes_over(
    key_folder: Path, clock: FakeClock, links: InvitationLinks
) -> None:
    old = token(links)
    rotate(key_folder, Use.LINKS, now=clock.now())
    assert token(links) == old, "the new key is not used yet"
    clock.move(LEAD)
    new = token(links)
    assert new != old
    assert links.open(old) == links.open(new) == (ID, 1)
    clock.move(400 * 86400)
    assert links.open(old) == (ID, 1)


def test_a_link_sealed_with_the_next_key_opens_before_its_time(
    key_folder: Path, clock: FakeClock, links: InvitationLinks
) -> None:
    """Another machine's clock may run ahead."""
    made = rotate(key_folder, Use.LINKS, now=clock.now())
    ahead = InvitationLinks("https://usher.example.com", LinkKey(made.file.read_bytes()))
    assert links.open(token(ahead)) == (ID, 1)


def test_a_removed_key_opens_nothing_any_more(
    key_folder: Path, clock: FakeClock, links: InvitationLinks
) -> None:
    old = token(links)
    rotate(key_folder, Use.LINKS, now=clock.now(), stolen=True)
    assert links.open(old) is None
    assert links.open(token(links)) == (ID, 1)
    assert stages(key_folder, clock.now(), Use.LINKS) == [Stage.CURRENT]


def test_what_a_hand_over_derived_stays_the_same_to_its_end(
    key_folder: Path, clock: FakeClock, links: InvitationLinks
) -> None:
    opened_at = clock.now()
    state = links.derive("state", "h1", at=opened_at)
    rotate(key_folder, Use.LINKS, now=clock.now())
    clock.move(LEAD)
    assert links.derive("state", "h1", at=opened_at) == state
    assert links.derive("state", "h1", at=clock.now()) != state


def test_a_link_key_has_no_end_and_no_secret_in_its_life(key_folder: Path) -> None:
    rotate(key_folder, Use.LINKS, now=NOW)
    found = [life for life in lives(key_folder, now=NOW + LEAD) if life.use is Use.LINKS]
    assert [(life.name, life.stage, life.until) for life in found] == [
        ("links", Stage.FORMER, None),
        (f"links-{int(NOW + LEAD)}", Stage.CURRENT, None),
    ]
    assert all(isinstance(life, KeyLife) for life in found)
