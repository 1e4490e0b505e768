"""The names of the hand-over are spelled in two rooms that may not know each other: they must agree."""

from connector.invite import addresses, keycloak_client
from connector.keycloak import names


def test_the_realm_is_set_up_with_the_names_that_the_hand_over_uses() -> None:
    assert addresses.PROVIDER_ALIAS == names.PROVIDER
    assert addresses.PROVIDER_CLIENT_ID == names.PROVIDER_CLIENT
    assert keycloak_client.CLIENT_ID == names.INVITE_CLIENT
