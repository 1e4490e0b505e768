"""On a real Keycloak: keys change while people come, and links that were left behind go."""

import time
from collections.abc import Iterator

import pytest

from connector.application.records import Entry
from connector.application.sweep import LinkSweep
from connector.bootstrap import SystemIds
from connector.demo.inbox import Inbox
from connector.domain.model import PortalUser
from connector.foundation.key_lives import Use
from connector.foundation.key_ring import SigningKeyRing
from connector.foundation.key_rotation import rotate
from connector.keycloak.adapter import KeycloakProviders
from connector.keycloak.names import GROUP, PROVIDER
from tests.support.house import House, open_house
from tests.support.realms import RunningKeycloak

UPDATE_PASSWORD = "Update password"
LEAD = 11.0
"""Keycloak looks for a key it does not know at most every ten seconds."""


@pytest.fixture(scope="module")
def house(
    keycloak: RunningKeycloak, inbox: Inbox, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("keys")
    policy = {"email_verification": "invitation"}
    with open_house(keycloak, inbox, folder, "invite-keys", policy=policy) as house:
        yield house


# --- keys ------------------------------------------------------------------------------------------


def signs(house: House) -> str:
    return str(SigningKeyRing(house.settings.keys).at(time.time()).current.kid)


def comes_through(house: House) -> str:
    """Somebody new is led to Keycloak's password page; the key by which Keycloak believed us."""
    page = house.begin(house.person(), house.invited())
    assert page.title == UPDATE_PASSWORD
    return signs(house)


def test_control_o10_people_come_through_on_a_real_keycloak_while_keys_change(house: House) -> None:
    old = comes_through(house)
    new = rotate(house.settings.keys, Use.TOKENS, now=time.time(), lead=LEAD)
    assert comes_through(house) == old, "published, not used"
    time.sleep(max(0.0, new.since - time.time()))
    assert [comes_through(house) for _ in range(2)] == [new.name] * 2


# --- links -----------------------------------------------------------------------------------------


def link_by_hand(house: House, account: str) -> None:
    """As somebody with the administrator's rights could."""
    link = {"identityProvider": PROVIDER, "userId": "5" * 32, "userName": "x"}
    house.console.post(f"users/{account}/federated-identity/{PROVIDER}", link)


def sweep(house: House) -> None:
    """As a worker does it whose turn it is."""
    providers = KeycloakProviders(house.settings.realms, frozenset())
    LinkSweep(house.service, providers, SystemIds(), every=0.001).run()
    house.worker.drain()


def told(house: House, user: PortalUser) -> list[Entry]:
    with house.service.store.read() as work:
        return [one for one in work.timeline.of(user.tenant, user.id) if one.action == "link_removed"]


def test_control_o2_a_sweep_finds_links_at_keycloak_that_nobody_is_on_the_way_with(house: House) -> None:
    left, on_the_way = house.invited(), house.invited()
    page = house.begin(house.person(), on_the_way)
    link_by_hand(house, house.account(left))
    sweep(house)
    assert page.title == UPDATE_PASSWORD
    assert not house.linked(left)
    assert house.linked(on_the_way)
    assert len(told(house, left)) == 1
    assert told(house, on_the_way) == []


def test_control_o2_a_sweep_removes_the_link_of_an_account_that_is_no_users(house: House) -> None:
    account = house.console.make_user("stranger", groups=[f"/{GROUP}"])
    link_by_hand(house, account)
    sweep(house)
    assert house.console.get(f"users/{account}/federated-identity") == []
