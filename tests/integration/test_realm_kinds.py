"""Realms that are not as they come: our provider's entry changed by hand, a browser flow that cannot be
sent to a provider, Organizations switched on; and the way out of a realm.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from typer.testing import CliRunner

from connector.cli.main import app
from connector.demo.inbox import Inbox
from connector.domain.model import State
from connector.keycloak.client import AdminClient, Login
from connector.keycloak.setup.flows import deny_flow
from connector.keycloak.setup.provider import SHUT, identity_provider, settings_of
from connector.keycloak.setup.removal import KEPT
from connector.keycloak.setup.run import apply, plan, plan_removal, remove
from connector.keycloak.setup.steps import Part, Site
from tests.support.house import PORTAL, House, open_house
from tests.support.person import Person
from tests.support.realm_kinds import add_provider_of, no_redirector, organization
from tests.support.realms import PASSWORD, REALM, RunningKeycloak, access_of

NAME = "realm-kinds"
ENTRY = "identity-provider/instances/usher"
UPDATE_PASSWORD = "Update password"


@pytest.fixture(scope="module")
def house(
    keycloak: RunningKeycloak, inbox: Inbox, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("kinds")
    with open_house(keycloak, inbox, folder, NAME, policy={"email_verification": "invitation"}) as house:
        yield house


# --- the provider's entry --------------------------------------------------------------------------

OTHERWISE: dict[str, Any] = {
    "firstBrokerLoginFlowAlias": "first broker login",
    "postBrokerLoginFlowAlias": "browser",
    "clientAuthMethod": "client_secret_jwt",
    "pkceMethod": "plain",
    "syncMode": "FORCE",
    "showInAccountConsole": "ALWAYS",
    "allowedClockSkew": "600",
}
"""Other values, where Keycloak does not take just any …"""

BESIDES = {
    "useJwksUrl": {"publicKeySignatureVerifier": "a key"},
    "filteredByClaim": {"claimFilterName": "sub", "claimFilterValue": "x"},
}
"""… and what it demands beside them."""


@pytest.fixture(scope="module")
def site(house: House, keycloak: RunningKeycloak) -> Site:
    """The realm as the set-up's parts see it, by an administrator."""
    realm = house.settings.realms[REALM]
    person = Login(
        realm="master",
        client_id="admin-cli",
        user=keycloak.admin_user,
        password=keycloak.admin_password,
    )
    return Site(settings=house.settings, realm=realm, admin=AdminClient(realm, lambda: person))


def found(part: Part, site: Site) -> list[str]:
    """What a part would change."""
    return [str(change) for step in part(site) for change in step.changes]


def put_right(part: Part, site: Site) -> None:
    for step in part(site):
        step.write()


def other_than(name: str, value: Any) -> Any:
    """A legal value that is not the wanted one."""
    if name in OTHERWISE:
        return OTHERWISE[name]
    match value:
        case bool():
            return not value
        case "true" | "false":
            return "false" if value == "true" else "true"
        case str() if value.startswith("http") or name.endswith("Url"):
            return "https://evil.example/here"
        case _:
            return "true" if name in SHUT else f"{value}x"


def test_control_o1_every_attribute_of_the_entry_changed_by_hand_is_found_and_put_back(
    house: House, site: Site
) -> None:
    console, wanted = house.console, settings_of(site)
    options = dict.fromkeys(SHUT, "") | wanted.pop("config")
    for fixed in ("alias", "providerId"):
        del wanted[fixed]
    before = console.get(ENTRY)
    unseen = []
    for name, value in [*wanted.items(), *options.items()]:
        entry = console.get(ENTRY)
        changed = other_than(name, value)
        if name in options:
            entry["config"] |= {name: changed, **BESIDES.get(name, {})}
        else:
            entry[name] = changed
        console.put(ENTRY, entry)
        shown = str(changed).lower() if isinstance(changed, bool) else changed
        sentences = found(identity_provider, site)
        if not any(s.startswith(f"identity provider usher: {name} {shown} → ") for s in sentences):
            unseen.append((name, sentences))
        put_right(identity_provider, site)
        assert console.get(ENTRY) == before, name
    assert unseen == []


def test_control_o1_an_entry_of_another_kind_is_replaced(house: House, site: Site) -> None:
    entry = house.console.get(ENTRY)
    house.console.delete(ENTRY)
    house.console.post("identity-provider/instances", {**entry, "providerId": "keycloak-oidc"})
    assert found(identity_provider, site) == ["identity provider usher: providerId keycloak-oidc → oidc"]
    put_right(identity_provider, site)
    assert found(identity_provider, site) == []


def test_control_o1_a_mapper_and_an_organizations_hand_on_the_entry_are_found_and_taken_off(
    house: House, site: Site
) -> None:
    mapper = {
        "name": "everybody is an administrator",
        "identityProviderAlias": "usher",
        "identityProviderMapper": "oidc-hardcoded-role-idp-mapper",
        "config": {"syncMode": "FORCE", "role": "offline_access"},
    }
    house.console.post(f"{ENTRY}/mappers", mapper)
    with organization(house.console, "acme.example") as at:
        house.console.post(f"{at}/identity-providers", "usher")
        assert found(identity_provider, site) == [
            "identity provider usher: an organization's → nobody's",
            "identity provider usher: mapper 'everybody is an administrator' → nothing",
        ]
        put_right(identity_provider, site)
        assert found(identity_provider, site) == []


@pytest.mark.parametrize("requirement", ["DISABLED", "ALTERNATIVE", "gone"])
def test_control_o1_the_deny_flow_is_put_back_to_one_required_step(
    house: House, site: Site, requirement: str
) -> None:
    at = "authentication/flows/usher-deny/executions"
    (denial,) = house.console.get(at)
    if requirement == "gone":
        house.console.delete(f"authentication/executions/{denial['id']}")
        is_now = "nothing"
    else:
        house.console.put(at, {**denial, "requirement": requirement})
        is_now = requirement.lower()
    flow = {"alias": "more", "type": "basic-flow", "description": "", "provider": ""}
    house.console.post(f"{at}/flow", flow)
    house.console.post(
        "authentication/flows/more/executions/execution", {"provider": "idp-create-user-if-unique"}
    )
    assert found(deny_flow, site) == [
        "flow usher-deny: step 'more' → nothing",
        f"flow usher-deny: step deny-access-authenticator {is_now} → required",
    ]
    put_right(deny_flow, site)
    (denial,) = house.console.get(at)
    assert (denial["providerId"], denial["requirement"]) == ("deny-access-authenticator", "REQUIRED")


# --- a browser flow that cannot be sent to a provider ----------------------------------------------


@pytest.fixture(scope="module")
def plain(house: House, keycloak: RunningKeycloak) -> Iterator[House]:
    """The realm with a browser flow without an Identity Provider Redirector, and what ``apply`` made of
    that.
    """
    access = access_of(keycloak)
    with no_redirector(house.console):
        assert apply(house.settings, REALM, access)
        assert plan(house.settings, REALM, access) == []
        yield house
    apply(house.settings, REALM, access)


def test_without_a_redirector_an_invited_person_gets_in_all_the_same(plain: House) -> None:
    accept(plain, plain.person())


def test_without_a_redirector_somebody_else_is_named_and_signed_out_only_when_told_to(
    plain: House,
) -> None:
    person = plain.person()
    plain.make_signed_in(person, "rose")
    user = plain.invited()
    page = plain.begin(person, user)
    assert page.title == "You are signed in as Root Rose"
    assert plain.is_signed_in(person)
    page = person.press(page)
    assert page.title == UPDATE_PASSWORD
    assert person.choose_password(page, PASSWORD).title == "You are all set"
    assert plain.state(user) is State.ACTIVE


def test_without_a_redirector_somebody_elses_pending_action_is_no_dead_end(plain: House) -> None:
    person = plain.person()
    other = plain.make_signed_in(person, "iris")
    plain.console.put(f"users/{other}", {"requiredActions": ["CONFIGURE_TOTP"]})
    user = plain.invited()
    page = person.press(plain.begin(person, user))
    assert page.title == "Logging out"  # Keycloak asks by itself: nobody can hand it their ID token
    page = person.press(page, confirmLogout="")
    assert page.title == UPDATE_PASSWORD
    assert person.choose_password(page, PASSWORD).title == "You are all set"


@pytest.mark.parametrize(
    ("what", "sentence"),
    [
        ("cookie last", "flow usher-redirect: steps into their order"),
        ("cookie gone", "flow usher-redirect: step auth-cookie nothing → alternative"),
        ("elsewhere", "flow usher-redirect: leads to usher"),
    ],
)
def test_what_was_changed_in_the_override_is_found_and_put_right(
    plain: House, keycloak: RunningKeycloak, what: str, sentence: str
) -> None:
    console, access = plain.console, access_of(keycloak)
    cookie, redirector = console.get("authentication/flows/usher-redirect/executions")
    match what:
        case "cookie last":
            console.post(f"authentication/executions/{cookie['id']}/lower-priority", {})
        case "cookie gone":
            console.delete(f"authentication/executions/{cookie['id']}")
        case _:
            at = f"authentication/config/{redirector['authenticationConfig']}"
            console.put(at, {**console.get(at), "config": {"defaultProvider": "evil"}})
    assert sentence in [str(change) for change in plan(plain.settings, REALM, access)]
    apply(plain.settings, REALM, access)
    executions = console.get("authentication/flows/usher-redirect/executions")
    assert [e["providerId"] for e in executions] == ["auth-cookie", "identity-provider-redirector"]


# --- organizations ---------------------------------------------------------------------------------


def test_with_organizations_on_an_invited_person_gets_in(house: House) -> None:
    with organization(house.console, "elsewhere.example"):
        accept(house, house.person())


def test_an_organizations_own_provider_does_not_draw_an_invited_member_away(house: House) -> None:
    """Whoever signs in with an address of its domain is sent to the organization's provider; invited
    people are not: they come to choose a password here.
    """
    with organization(house.console, "member.example") as at:
        add_provider_of(house.console, at, "member.example")
        user = house.invited(user_name="ada@member.example")
        house.console.post(f"{at}/members", house.account(user))
        drawn = house.person()
        drawn.stops = (*drawn.stops, "https://idp.member.example")
        page = drawn.open(house.portal_sign_in())
        assert drawn.press(page, username="ada@member.example").way[-1].startswith("https://idp.member")

        person = house.person()
        page = house.begin(person, user)
        assert page.title == UPDATE_PASSWORD
        assert person.choose_password(page, PASSWORD).title == "You are all set"
        assert house.state(user) is State.ACTIVE
        assert house.is_signed_in(person)


def test_with_organizations_on_somebody_else_signed_in_is_asked(house: House) -> None:
    with organization(house.console, "third.example"):
        person = house.person()
        house.console.give_password(house.console.make_user("lily"))
        page = person.press(person.open(house.portal_sign_in()), username="lily")
        assert "code" in person.press(page, password=PASSWORD).query
        page = house.begin(person, house.invited())
        assert page.title == "You are signed in as Root Rose"
        page = person.press(page)
        assert person.choose_password(page, PASSWORD).title == "You are all set"


def accept(house: House, person: Person) -> None:
    """All the way."""
    user = house.invited()
    page = house.begin(person, user)
    assert page.title == UPDATE_PASSWORD
    done = person.choose_password(page, PASSWORD)
    assert f"url={PORTAL}" in done.page.text
    assert house.state(user) is State.ACTIVE
    assert not house.linked(user)
    assert house.is_signed_in(person)


# --- out again -------------------------------------------------------------------------------------


def test_removing_says_first_what_goes_and_asks(
    house: House, keycloak: RunningKeycloak, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("USHER_ADMIN_PASSWORD", keycloak.admin_password)
    config = house.settings.keys.parent / "config.yaml"
    verb = ["--config", str(config), "keycloak", "remove", REALM, "--admin", keycloak.admin_user]
    answer = CliRunner().invoke(app, verb, input="n\n")
    assert answer.exit_code == 1
    assert "client usher-invite: remove it" in answer.output
    assert KEPT in answer.output
    assert plan(house.settings, REALM, access_of(keycloak)) == []


def test_removing_leaves_the_realm_as_it_was_and_its_accounts(
    house: House, keycloak: RunningKeycloak
) -> None:
    access, console = access_of(keycloak), house.console
    user = house.invited()
    planned = plan_removal(house.settings, REALM, access)
    assert remove(house.settings, REALM, access) == planned
    assert plan_removal(house.settings, REALM, access) == []
    assert [c["clientId"] for c in console.get("clients") if c["clientId"].startswith("usher")] == []
    flows = [flow["alias"] for flow in console.get("authentication/flows")]
    assert [alias for alias in flows if alias.startswith("usher")] == []
    assert console.get("groups") == []
    assert "usher" not in str(console.get("users/profile"))
    assert console.get(f"users/{house.account(user)}")["enabled"]
    apply(house.settings, REALM, access)
    assert plan(house.settings, REALM, access) == []
