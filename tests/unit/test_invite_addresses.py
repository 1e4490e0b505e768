"""The names of the hand-over are spelled in two rooms that may not know each other: they must agree."""

from pathlib import Path

import pytest

from connector.invite import addresses, keycloak_client
from connector.keycloak import names
from connector.keycloak.client import AdminClient, Login
from connector.keycloak.setup.clients import invite_settings
from connector.keycloak.setup.steps import Site, differences
from tests.support.invite_room import PUBLIC, a_room


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """A realm of which nobody asks anything."""
    settings = a_room(tmp_path).settings
    realm = settings.realms["main"]
    nobody = Login(realm="", client_id="")
    return Site(settings=settings, realm=realm, admin=AdminClient(realm, lambda: nobody))


def test_the_realm_is_set_up_with_the_names_that_the_hand_over_uses() -> None:
    assert addresses.PROVIDER_ALIAS == names.PROVIDER
    assert addresses.PROVIDER_CLIENT_ID == names.PROVIDER_CLIENT
    assert keycloak_client.CLIENT_ID == names.INVITE_CLIENT


def test_keycloak_sends_people_to_the_pages_that_there_are(site: Site) -> None:
    client = invite_settings(site)
    assert client["redirectUris"] == [PUBLIC + addresses.DONE, PUBLIC + addresses.PROBE]
    assert client["attributes"]["post.logout.redirect.uris"] == PUBLIC + addresses.GO
    assert client["baseUrl"] == PUBLIC + addresses.BACK


@pytest.mark.parametrize("real", ["", "https://elsewhere.example"])
def test_a_realm_whose_error_pages_lead_nowhere_or_elsewhere_is_found(site: Site, real: str) -> None:
    wanted = invite_settings(site)
    found = [change.what for change in differences("client", wanted, {**wanted, "baseUrl": real})]
    assert found == [f"baseUrl {real or 'nothing'} → {PUBLIC}/invite/back"]
