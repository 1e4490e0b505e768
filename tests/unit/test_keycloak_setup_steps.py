"""How the set-up compares and merges, and which sender Keycloak's own mails get; no Keycloak involved."""

from pathlib import Path
from typing import Any

import pytest

from connector.domain.model import Sender, Tenant, TenantId
from connector.foundation.config import MailSettings
from connector.foundation.config_values import Surroundings
from connector.keycloak.setup.flows import COOKIE, KERBEROS, REDIRECTOR, redirects
from connector.keycloak.setup.languages import keycloak_language, wanted_languages
from connector.keycloak.setup.realm import shared_sender
from connector.keycloak.setup.steps import Change, differences, merged

THING = "client x"
HERE = Surroundings(folder=Path("/nowhere"))


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


def tenant(key: str, *, can_send: bool = True, locale: str = "en", **sender: str) -> Tenant:
    return Tenant(
        locale=locale,
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


def test_tenants_with_addresses_of_their_own_leave_keycloak_the_installations() -> None:
    pair = (tenant("acme", address="a@acme.example"), tenant("globex", address="g@globex.example"))
    assert shared_sender(pair, MAIL) == {"from": "portal@example.com"}
    assert shared_sender(pair, MailSettings.model_validate({"files": "mails/"}, context=HERE)) is None


def test_a_tenant_that_may_not_send_has_no_say() -> None:
    pair = (tenant("acme", can_send=False), tenant("globex", address="g@globex.example"))
    found = shared_sender(pair, MAIL)
    assert found is not None
    assert found["from"] == "g@globex.example"


def test_without_tenants_there_is_no_sender() -> None:
    assert shared_sender((), MAIL) is None


@pytest.mark.parametrize(
    ("locale", "language"),
    [("de", "de"), ("de-AT", "de"), ("pt", "pt"), ("pt-BR", "pt-BR"), ("zh-TW", "zh-TW"), ("en-GB", "en")],
)
def test_a_locale_is_spoken_by_keycloaks_nearest_language(locale: str, language: str) -> None:
    assert keycloak_language(locale) == language


OFF: dict[str, Any] = {"internationalizationEnabled": False}


@pytest.mark.parametrize(
    ("locales", "real", "wanted"),
    [
        (["en", "en-GB"], OFF, {}),
        (["de"], OFF, {"supportedLocales": ["de", "en"], "defaultLocale": "de"}),
        (["de", "de-AT"], OFF, {"supportedLocales": ["de", "en"], "defaultLocale": "de"}),
        (["de", "en"], OFF, {"supportedLocales": ["de", "en"], "defaultLocale": "en"}),
        (
            ["de"],
            {"internationalizationEnabled": True, "supportedLocales": ["fr"], "defaultLocale": "fr"},
            {"supportedLocales": ["de", "en", "fr"]},
        ),
        (
            ["en"],
            {"internationalizationEnabled": True},
            {"supportedLocales": ["en"], "defaultLocale": "en"},
        ),
    ],
)
def test_a_realm_speaks_its_tenants_languages_and_keeps_its_own(
    locales: list[str], real: dict[str, Any], wanted: dict[str, Any]
) -> None:
    tenants = tuple(tenant(f"t{number}", locale=locale) for number, locale in enumerate(locales))
    switched = {"internationalizationEnabled": True} if wanted else {}
    assert wanted_languages(tenants, real) == switched | wanted


FORM = "auth-username-password-form"


def a_flow(*steps: tuple[str, str, int]) -> list[dict[str, Any]]:
    return [
        {"providerId": provider, "requirement": requirement, "level": level}
        for provider, requirement, level in steps
    ]


@pytest.mark.parametrize(
    ("steps", "can"),
    [
        ([(COOKIE, "ALTERNATIVE", 0), (REDIRECTOR, "ALTERNATIVE", 0), (FORM, "ALTERNATIVE", 0)], True),
        ([(KERBEROS, "DISABLED", 0), (REDIRECTOR, "ALTERNATIVE", 0)], True),
        ([(KERBEROS, "ALTERNATIVE", 0), (REDIRECTOR, "ALTERNATIVE", 0)], True),
        ([], False),
        ([(COOKIE, "ALTERNATIVE", 0), (FORM, "ALTERNATIVE", 0)], False),
        ([(COOKIE, "ALTERNATIVE", 0), (REDIRECTOR, "DISABLED", 0)], False),
        ([(COOKIE, "ALTERNATIVE", 0), (FORM, "ALTERNATIVE", 0), (REDIRECTOR, "ALTERNATIVE", 0)], False),
        ([(REDIRECTOR, "ALTERNATIVE", 0), (FORM, "REQUIRED", 0)], False),
        ([(REDIRECTOR, "ALTERNATIVE", 0), ("", "CONDITIONAL", 0)], False),
        ([("", "ALTERNATIVE", 0), (REDIRECTOR, "ALTERNATIVE", 1)], False),
        ([(REDIRECTOR, "ALTERNATIVE", 0), ("", "ALTERNATIVE", 0), (FORM, "REQUIRED", 1)], True),
    ],
)
def test_a_flow_counts_as_redirecting_only_if_it_is_certain(
    steps: list[tuple[str, str, int]], can: bool
) -> None:
    assert redirects(a_flow(*steps)) is can
