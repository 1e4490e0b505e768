"""How the set-up compares and merges, and which sender Keycloak's own mails get; no Keycloak involved."""

from typing import Any

import pytest

from connector.domain.model import Sender, Tenant, TenantId
from connector.foundation.config import MailSettings
from connector.keycloak.setup.realm import shared_sender
from connector.keycloak.setup.steps import Change, differences, merged

THING = "client x"


def told(wanted: dict[str, Any], real: dict[str, Any]) -> list[str]:
    return [change.what for change in differences(THING, wanted, real)]


@pytest.mark.parametrize(
    ("wanted", "real"),
    [
        ({"a": 1}, {"a": 1, "b": 2}),
        ({"a": False}, {}),
        ({"a": ""}, {"a": None}),
        ({"a": []}, {}),
        ({"a": ["x", "y"]}, {"a": ["y", "x"]}),
        ({"config": {"a": "1"}}, {"config": {"a": "1", "b": "2"}}),
        ({"config": {}}, {}),
    ],
)
def test_what_keycloak_leaves_out_or_orders_otherwise_is_no_difference(
    wanted: dict[str, Any], real: dict[str, Any]
) -> None:
    assert told(wanted, real) == []


@pytest.mark.parametrize(
    ("wanted", "real", "sentence"),
    [
        ({"a": True}, {"a": False}, "a false → true"),
        ({"a": True}, {}, "a nothing → true"),
        ({"a": "x"}, {"a": "y"}, "a y → x"),
        ({"a": ""}, {"a": "y"}, "a y → nothing"),
        ({"a": ["y", "x"]}, {"a": []}, "a nothing → x, y"),
        ({"config": {"a": "1"}}, {}, "a nothing → 1"),
    ],
)
def test_a_difference_is_a_sentence(wanted: dict[str, Any], real: dict[str, Any], sentence: str) -> None:
    assert told(wanted, real) == [sentence]


def test_a_change_reads_as_thing_and_what() -> None:
    assert str(Change(thing=THING, what="a 1 → 2")) == "client x: a 1 → 2"


def test_merging_keeps_what_is_not_wanted_otherwise() -> None:
    real = {"a": 1, "config": {"x": "1", "y": "2"}, "kept": True}
    wanted = {"a": 2, "config": {"y": "3"}, "new": {"z": 1}}
    assert merged(real, wanted) == {
        "a": 2,
        "config": {"x": "1", "y": "3"},
        "kept": True,
        "new": {"z": 1},
    }


def tenant(key: str, *, can_send: bool = True, **sender: str) -> Tenant:
    return Tenant(
        id=TenantId(key),
        name=f"{key} name",
        realm="main",
        portal_url="https://portal.example.com",
        sender=Sender(**sender),
        can_send=can_send,
    )


MAIL = MailSettings.model_validate(
    {"smtp": {"host": "mail.example.com"}, "from": "portal@example.com", "allow_default_sender": True}
)


def test_one_tenant_lends_keycloak_its_whole_sender() -> None:
    found = shared_sender((tenant("acme", from_name="Acme", reply_to="help@acme.example"),), MAIL)
    assert found == {
        "from": "portal@example.com",
        "fromDisplayName": "Acme",
        "replyTo": "help@acme.example",
    }


def test_tenants_that_share_the_address_alone_lend_that() -> None:
    assert shared_sender((tenant("acme"), tenant("globex")), MAIL) == {"from": "portal@example.com"}


def test_tenants_with_addresses_of_their_own_lend_none() -> None:
    pair = (tenant("acme", address="a@acme.example"), tenant("globex"))
    assert shared_sender(pair, MAIL) is None


def test_a_tenant_that_may_not_send_has_no_say() -> None:
    pair = (tenant("acme", can_send=False), tenant("globex", address="g@globex.example"))
    found = shared_sender(pair, MAIL)
    assert found is not None
    assert found["from"] == "g@globex.example"


def test_without_tenants_there_is_no_sender() -> None:
    assert shared_sender((), MAIL) is None
