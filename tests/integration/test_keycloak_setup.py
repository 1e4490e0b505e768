"""The set-up on a real Keycloak: whole, quiet the second time, and every deviation found and put right."""

import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import requests

from connector.domain.errors import Misconfigured
from connector.domain.model import State
from connector.foundation.config import Settings
from connector.keycloak.setup.run import SetupAccess, apply, plan
from connector.keycloak.setup.steps import Change
from tests.support.realms import (
    REALM,
    Console,
    RunningKeycloak,
    access_of,
    console_of,
    make_realm,
    write_settings,
)

NAME = "keycloak-setup"
PUBLIC_URL = "https://usher.example.com"


@pytest.fixture(scope="module")
def access(keycloak: RunningKeycloak) -> SetupAccess:
    return access_of(keycloak)


@pytest.fixture(scope="module")
def console(keycloak: RunningKeycloak) -> Iterator[Console]:
    with console_of(keycloak, NAME) as console:
        yield console


@pytest.fixture(scope="module")
def settings(
    keycloak: RunningKeycloak, console: Console, tmp_path_factory: pytest.TempPathFactory
) -> Settings:
    folder = tmp_path_factory.mktemp("setup")
    return make_realm(keycloak, folder, NAME, public_url=PUBLIC_URL, mail_port=2525, locale="de-AT")


def sentences(changes: list[Change]) -> list[str]:
    return [str(change) for change in changes]


# --- whole and quiet ---


def test_a_second_plan_and_a_second_apply_find_nothing(settings: Settings, access: SetupAccess) -> None:
    assert plan(settings, REALM, access) == []
    assert apply(settings, REALM, access) == []


def test_the_set_up_account_itself_can_plan(settings: Settings) -> None:
    assert plan(settings, REALM) == []


def test_secret_files_are_made_private_long_and_all_different(settings: Settings) -> None:
    realm = settings.realms[REALM]
    secrets = [
        realm.runtime.client_secret,
        realm.setup.client_secret,
        realm.invite_client_secret,
        realm.provider_client_secret,
    ]
    assert {stat.S_IMODE(s.path.stat().st_mode) for s in secrets if s.path} == {0o600}
    values = {secret.read() for secret in secrets}
    assert len(values) == 4
    assert {len(bytes.fromhex(value)) for value in values} == {32}


def test_events_and_password_recovery_are_on(settings: Settings, console: Console) -> None:
    realm = console.get()
    switches = (
        "eventsEnabled",
        "adminEventsEnabled",
        "adminEventsDetailsEnabled",
        "adminPermissionsEnabled",
        "resetPasswordAllowed",
    )
    assert {name: realm[name] for name in switches} == dict.fromkeys(switches, True)
    assert realm["eventsExpiration"] == 30 * 24 * 3600


def test_the_realm_speaks_the_tenants_language_and_english(settings: Settings, console: Console) -> None:
    realm = console.get()
    assert realm["internationalizationEnabled"]
    assert sorted(realm["supportedLocales"]) == ["de", "en"]
    assert realm["defaultLocale"] == "de"


def test_a_required_action_that_the_mapping_asks_for_is_switched_on(
    settings: Settings, access: SetupAccess, console: Console
) -> None:
    """Terms are off in a new realm."""
    asked = _asking_for(settings, "TERMS_AND_CONDITIONS")
    assert sentences(plan(asked, REALM, access)) == ["required action TERMS_AND_CONDITIONS: switch it on"]
    apply(asked, REALM, access)
    assert console.get("authentication/required-actions/TERMS_AND_CONDITIONS")["enabled"]
    assert plan(asked, REALM) == []


def test_a_required_action_that_the_realm_does_not_know_is_named(
    settings: Settings, access: SetupAccess
) -> None:
    with pytest.raises(Misconfigured, match="knows no required action 'DANCE'"):
        plan(_asking_for(settings, "DANCE"), REALM, access)


def _asking_for(settings: Settings, action: str) -> Settings:
    pending = settings.mapping.rules[State.PENDING]
    more = replace(pending, required_actions=pending.required_actions | {action})
    mapping = replace(settings.mapping, rules={**settings.mapping.rules, State.PENDING: more})
    return replace(settings, mapping=mapping)


def test_control_o1_the_provider_has_every_setting(settings: Settings, console: Console) -> None:
    provider = console.get("identity-provider/instances/usher")
    ours = f"{PUBLIC_URL}/oidc/{REALM}"
    assert provider["providerId"] == "oidc"
    assert provider["enabled"]
    assert provider["hideOnLogin"]
    assert not provider["trustEmail"]
    assert not provider["storeToken"]
    assert not provider["linkOnly"]
    assert provider["firstBrokerLoginFlowAlias"] == "usher-deny"
    assert not provider.get("postBrokerLoginFlowAlias")
    config = provider["config"]
    wanted = {
        "issuer": ours,
        "authorizationUrl": f"{ours}/authorize",
        "tokenUrl": f"{ours}/token",
        "jwksUrl": f"{ours}/jwks",
        "useJwksUrl": "true",
        "validateSignature": "true",
        "disableUserInfo": "true",
        "clientId": "keycloak",
        "clientAuthMethod": "client_secret_basic",
        "pkceEnabled": "true",
        "pkceMethod": "S256",
        "syncMode": "IMPORT",
        "showInAccountConsole": "NEVER",
    }
    assert {name: config.get(name) for name in wanted} == wanted


def test_control_o1_the_flow_for_unknown_subjects_only_denies(settings: Settings, console: Console) -> None:
    (execution,) = console.get("authentication/flows/usher-deny/executions")
    assert execution["providerId"] == "deny-access-authenticator"
    assert execution["requirement"] == "REQUIRED"


def test_control_o4_the_invite_client_is_confidential_code_flow_pkce_and_exact(
    settings: Settings, console: Console
) -> None:
    client = console.client("usher-invite")
    assert not client["publicClient"]
    assert client["standardFlowEnabled"]
    for other in ("implicitFlowEnabled", "directAccessGrantsEnabled", "serviceAccountsEnabled"):
        assert not client[other]
    assert sorted(client["redirectUris"]) == [
        f"{PUBLIC_URL}/invite/done",
        f"{PUBLIC_URL}/invite/probe",
    ]
    assert client["attributes"]["post.logout.redirect.uris"] == f"{PUBLIC_URL}/invite/go"
    assert client["attributes"]["pkce.code.challenge.method"] == "S256"
    assert client["secret"] == settings.realms[REALM].invite_client_secret.read()


@pytest.mark.parametrize(
    "query",
    [
        {"redirect_uri": f"{PUBLIC_URL}/invite/done/"},
        {"redirect_uri": f"{PUBLIC_URL}/invite/done?x=1"},
        {"redirect_uri": f"{PUBLIC_URL}/invite/../invite/done"},
        {"redirect_uri": "https://usher.example.com.evil.example/invite/done"},
    ],
)
def test_control_o4_keycloak_refuses_a_near_miss_of_the_redirect_uri(
    settings: Settings, console: Console, query: dict[str, str]
) -> None:
    assert _authorize(console, **query).status_code == 400


def test_control_o4_keycloak_demands_pkce_of_the_invite_client(
    settings: Settings, console: Console
) -> None:
    plain = _authorize(console, code_challenge_method="plain")
    none = _authorize(console, code_challenge="", code_challenge_method="")
    for answer in (plain, none):
        assert answer.status_code == 302
        assert "error=invalid_request" in answer.headers["Location"]


def test_the_hint_leads_to_our_provider(settings: Settings, console: Console) -> None:
    assert _where_the_hint_leads(console).startswith(f"{PUBLIC_URL}/oidc/{REALM}/authorize?")


def test_our_attributes_are_for_administrators_alone(settings: Settings, console: Console) -> None:
    profile = console.get("users/profile")
    ours = {a["name"]: a for a in profile["attributes"] if a["name"].startswith("usher.")}
    assert set(ours) == {"usher.id", "usher.tenant", "usher.state", "usher.external_id"}
    for attribute in ours.values():
        assert attribute["permissions"] == {"view": ["admin"], "edit": ["admin"]}
        assert attribute["group"] == "portal"
    assert "Portal" in [group["displayHeader"] for group in profile["groups"]]


def test_keycloak_got_a_mail_server_from_the_tenants_sender(settings: Settings, console: Console) -> None:
    server = console.get()["smtpServer"]
    assert (server["host"], server["port"]) == ("127.0.0.1", "2525")
    assert (server["from"], server["fromDisplayName"]) == ("portal@example.com", "Acme GmbH")


# --- deviations ---


@dataclass(frozen=True)
class Deviation:
    """Something an administrator may have done, and the sentence that must find it."""

    name: str
    do: Callable[[Console], None]
    sentence: str


def provider_with(**fields: Any) -> Callable[[Console], None]:
    def do(console: Console) -> None:
        at = "identity-provider/instances/usher"
        now = console.get(at)
        config = {**now["config"], **fields.pop("config", {})}
        console.put(at, {**now, **fields, "config": config})

    return do


def client_with(client_id: str, **fields: Any) -> Callable[[Console], None]:
    def do(console: Console) -> None:
        now = console.client(client_id)
        attributes = {**now["attributes"], **fields.pop("attributes", {})}
        console.put(f"clients/{now['id']}", {**now, **fields, "attributes": attributes})

    return do


def one_role_more(console: Console) -> None:
    client, management = console.client("usher-runtime"), console.client("realm-management")
    user = console.get(f"clients/{client['id']}/service-account-user")["id"]
    role = console.get(f"clients/{management['id']}/roles/manage-users")
    console.post(f"users/{user}/role-mappings/clients/{management['id']}", [role])


def deny_switched_off(console: Console) -> None:
    at = "authentication/flows/usher-deny/executions"
    (execution,) = console.get(at)
    console.put(at, {**execution, "requirement": "DISABLED"})


def another_step_in_deny(console: Console) -> None:
    at = "authentication/flows/usher-deny/executions/execution"
    console.post(at, {"provider": "idp-create-user-if-unique"})


def users_may_edit_state(console: Console) -> None:
    profile = console.get("users/profile")
    for attribute in profile["attributes"]:
        if attribute["name"] == "usher.state":
            attribute["permissions"]["edit"] = ["admin", "user"]
    console.put("users/profile", profile)


def attribute_dropped(console: Console) -> None:
    profile = console.get("users/profile")
    profile["attributes"] = [a for a in profile["attributes"] if a["name"] != "usher.id"]
    console.put("users/profile", profile)


def group_dropped(console: Console) -> None:
    (group,) = console.get("groups", search="usher-users", exact="true")
    console.delete(f"groups/{group['id']}")


def permissions_at(console: Console, *rest: str) -> str:
    client = console.client("admin-permissions")["id"]
    return "/".join(("clients", client, "authz", "resource-server", *rest))


def permission_narrowed(console: Console) -> None:
    (permission,) = console.get(permissions_at(console, "permission"), name="usher-users")
    at = permissions_at(console, "policy", permission["id"])
    (resource,) = console.get(f"{at}/resources")
    (policy,) = console.get(f"{at}/associatedPolicies")
    body = {
        "id": permission["id"],
        "name": "usher-users",
        "resourceType": "Groups",
        "resources": [resource["name"]],
        "scopes": ["view"],
        "policies": [policy["id"]],
    }
    console.put(permissions_at(console, "permission", "scope", permission["id"]), body)


def policy_for_somebody_else(console: Console) -> None:
    (policy,) = console.get(permissions_at(console, "policy"), name="usher-runtime")
    other = console.make_user("somebody-else")
    body = {"name": "usher-runtime", "users": [other], "logic": "POSITIVE"}
    console.put(permissions_at(console, "policy", "user", policy["id"]), body)


DEVIATIONS = (
    Deviation(
        "events off",
        lambda c: c.put("", {"adminEventsEnabled": False}),
        f"realm {NAME}: adminEventsEnabled false → true",
    ),
    Deviation(
        "one event type",
        lambda c: c.put("", {"enabledEventTypes": ["LOGIN", "LOGOUT"]}),
        f"realm {NAME}: enabledEventTypes LOGIN, LOGOUT → CODE_TO_TOKEN, DELETE_ACCOUNT, LOGIN, "
        "LOGOUT, UPDATE_CREDENTIAL, UPDATE_EMAIL, UPDATE_PROFILE, "
        "USER_DISABLED_BY_PERMANENT_LOCKOUT, USER_DISABLED_BY_TEMPORARY_LOCKOUT, VERIFY_EMAIL",
    ),
    Deviation(
        "no password recovery",
        lambda c: c.put("", {"resetPasswordAllowed": False}),
        f"realm {NAME}: resetPasswordAllowed false → true",
    ),
    Deviation(
        "the tenants' language dropped, another added",
        lambda c: c.put("", {"supportedLocales": ["en", "fr"], "defaultLocale": "fr"}),
        f"realm {NAME}: supportedLocales en, fr → de, en, fr",
    ),
    Deviation(
        "one language again",
        lambda c: c.put("", {"internationalizationEnabled": False}),
        f"realm {NAME}: internationalizationEnabled false → true",
    ),
    Deviation(
        "provider shown on the login page",
        provider_with(hideOnLogin=False),
        "identity provider usher: hideOnLogin false → true",
    ),
    Deviation(
        "provider trusted with addresses",
        provider_with(trustEmail=True),
        "identity provider usher: trustEmail true → false",
    ),
    Deviation(
        "provider for linking only",
        provider_with(linkOnly=True),
        "identity provider usher: linkOnly true → false",
    ),
    Deviation(
        "provider switched off",
        provider_with(enabled=False),
        "identity provider usher: enabled false → true",
    ),
    Deviation(
        "provider makes accounts",
        provider_with(firstBrokerLoginFlowAlias="first broker login"),
        "identity provider usher: firstBrokerLoginFlowAlias first broker login → usher-deny",
    ),
    Deviation(
        "a flow after the provider",
        provider_with(postBrokerLoginFlowAlias="usher-deny"),
        "identity provider usher: postBrokerLoginFlowAlias usher-deny → nothing",
    ),
    Deviation(
        "signatures unchecked",
        provider_with(config={"validateSignature": "false"}),
        "identity provider usher: validateSignature false → true",
    ),
    Deviation(
        "keys from elsewhere",
        provider_with(config={"jwksUrl": "https://evil.example/jwks"}),
        f"identity provider usher: jwksUrl https://evil.example/jwks → {PUBLIC_URL}/oidc/{REALM}/jwks",
    ),
    Deviation(
        "no PKCE to us",
        provider_with(config={"pkceEnabled": "false"}),
        "identity provider usher: pkceEnabled false → true",
    ),
    Deviation(
        "shown in the account console",
        provider_with(config={"showInAccountConsole": "ALWAYS"}),
        "identity provider usher: showInAccountConsole ALWAYS → NEVER",
    ),
    Deviation(
        "deny switched off",
        deny_switched_off,
        "flow usher-deny: step deny-access-authenticator disabled → required",
    ),
    Deviation(
        "another step beside deny",
        another_step_in_deny,
        "flow usher-deny: step 'Create User If Unique' → nothing",
    ),
    Deviation(
        "any redirect",
        client_with("usher-invite", redirectUris=["*"]),
        f"client usher-invite: redirectUris * → {PUBLIC_URL}/invite/done, {PUBLIC_URL}/invite/probe",
    ),
    Deviation(
        "error pages lead nowhere",
        client_with("usher-invite", baseUrl=""),
        f"client usher-invite: baseUrl nothing → {PUBLIC_URL}/invite/back",
    ),
    Deviation(
        "no PKCE from us",
        client_with("usher-invite", attributes={"pkce.code.challenge.method": ""}),
        "client usher-invite: pkce.code.challenge.method nothing → S256",
    ),
    Deviation(
        "password grant",
        client_with("usher-invite", directAccessGrantsEnabled=True),
        "client usher-invite: directAccessGrantsEnabled true → false",
    ),
    Deviation(
        "public client",
        client_with("usher-invite", publicClient=True),
        "client usher-invite: publicClient true → false",
    ),
    Deviation(
        "another secret",
        client_with("usher-runtime", secret="another"),
        "client usher-runtime: secret another → ours",
    ),
    Deviation(
        "a role too many",
        one_role_more,
        "service account of usher-runtime: role manage-users yes → no",
    ),
    Deviation(
        "people may edit our attribute",
        users_may_edit_state,
        "user profile usher.state: edit admin, user → admin",
    ),
    Deviation("attribute not declared", attribute_dropped, "user profile usher.id: make it"),
    Deviation(
        "policy names somebody else",
        policy_for_somebody_else,
        "policy usher-runtime: account another → ours",
    ),
)

ALONE = (
    Deviation("no fence group", group_dropped, "group usher-users: make it"),
    Deviation(
        "narrow permission",
        permission_narrowed,
        "permission usher-users: scopes view → manage-members, manage-membership, view, view-members",
    ),
)
"""What others stand on: done alone."""


def test_every_deviation_is_planned_and_put_right(
    settings: Settings, access: SetupAccess, console: Console
) -> None:
    for deviation in DEVIATIONS:
        deviation.do(console)
    planned = sentences(plan(settings, REALM, access))
    assert {d.name: d.sentence for d in DEVIATIONS if d.sentence not in planned} == {}
    apply(settings, REALM, access)
    assert plan(settings, REALM, access) == []


@pytest.mark.parametrize("deviation", ALONE, ids=lambda deviation: deviation.name)
def test_a_deviation_of_the_fence_is_planned_and_put_right(
    settings: Settings, access: SetupAccess, console: Console, deviation: Deviation
) -> None:
    deviation.do(console)
    assert deviation.sentence in sentences(plan(settings, REALM, access))
    apply(settings, REALM, access)
    assert plan(settings, REALM, access) == []


def test_planning_writes_nothing(settings: Settings, access: SetupAccess, console: Console) -> None:
    provider_with(hideOnLogin=False)(console)
    first = plan(settings, REALM, access)
    assert plan(settings, REALM, access) == first != []
    apply(settings, REALM, access)


def test_a_secret_file_that_was_changed_is_set_in_keycloak_and_never_shown(
    settings: Settings, access: SetupAccess, console: Console
) -> None:
    realm = settings.realms[REALM]
    for secret in (realm.invite_client_secret, realm.provider_client_secret):
        assert secret.path is not None
        secret.path.write_text("0123456789abcdef" * 4)
    planned = sentences(plan(settings, REALM, access))
    assert planned == [
        "identity provider usher: client secret another → ours",
        "client usher-invite: secret another → ours",
    ]
    apply(settings, REALM, access)
    assert plan(settings, REALM, access) == []
    assert console.client("usher-invite")["secret"] == "0123456789abcdef" * 4
    assert "0123456789abcdef" not in str(console.get("identity-provider/instances/usher"))


def test_what_is_not_ours_stays(settings: Settings, access: SetupAccess, console: Console) -> None:
    profile = console.get("users/profile")
    profile["attributes"].append({"name": "shoe_size", "permissions": {"view": [], "edit": ["user"]}})
    console.put("users/profile", profile)
    client_with("usher-invite", description="Ask Rose before you touch this")(console)
    provider_with(config={"guiOrder": "7"}, hideOnLogin=False)(console)
    console.put("", {"displayName": "Portal of all portals", "loginTheme": "keycloak"})
    console.put("", {"smtpServer": {"host": "mail.example.com", "from": "x@example.com"}})

    apply(settings, REALM, access)

    names = [attribute["name"] for attribute in console.get("users/profile")["attributes"]]
    assert "shoe_size" in names
    assert console.client("usher-invite")["description"] == "Ask Rose before you touch this"
    assert console.get("identity-provider/instances/usher")["config"]["guiOrder"] == "7"
    realm = console.get()
    assert (realm["displayName"], realm["loginTheme"]) == ("Portal of all portals", "keycloak")
    assert realm["smtpServer"]["host"] == "mail.example.com"


def test_the_set_up_account_puts_most_things_right_itself(settings: Settings, console: Console) -> None:
    provider_with(hideOnLogin=False)(console)
    client_with("usher-invite", publicClient=True)(console)
    users_may_edit_state(console)
    deny_switched_off(console)
    permission_narrowed(console)
    assert len(apply(settings, REALM)) >= 5
    assert plan(settings, REALM) == []


def test_what_only_an_administrator_may_do_is_said_in_a_sentence(
    settings: Settings, access: SetupAccess, console: Console
) -> None:
    group_dropped(console)
    with pytest.raises(Misconfigured, match=r"group usher-users: make it.*administrator"):
        apply(settings, REALM)
    apply(settings, REALM, access)


def test_a_browser_flow_that_cannot_redirect_is_overridden_for_our_client_alone(
    settings: Settings, access: SetupAccess, console: Console
) -> None:
    console.post("authentication/flows/browser/copy", {"newName": "plain"})
    for execution in console.get("authentication/flows/plain/executions"):
        if execution.get("providerId") == "identity-provider-redirector":
            console.delete(f"authentication/executions/{execution['id']}")
    console.put("", {"browserFlow": "plain"})
    planned = sentences(plan(settings, REALM, access))
    assert "flow usher-redirect: make it" in planned
    assert "client usher-invite: browser flow → usher-redirect" in planned

    apply(settings, REALM, access)
    assert plan(settings, REALM, access) == []
    assert _where_the_hint_leads(console).startswith(f"{PUBLIC_URL}/oidc/{REALM}/authorize?")

    console.put("", {"browserFlow": "browser"})
    assert sentences(apply(settings, REALM, access)) == [
        "client usher-invite: browser flow → that of the realm"
    ]
    assert plan(settings, REALM, access) == []


# --- other realms and refusals ---


def test_a_realm_that_is_not_there_is_not_made_unasked(
    keycloak: RunningKeycloak, access: SetupAccess, tmp_path: Path
) -> None:
    settings = write_settings(keycloak, tmp_path, "keycloak-nowhere", public_url=PUBLIC_URL)
    for run in (plan, apply):
        with pytest.raises(Misconfigured, match="no realm 'keycloak-nowhere'"):
            run(settings, REALM, access)


def test_planning_a_new_realm_makes_neither_it_nor_a_file(
    keycloak: RunningKeycloak, access: SetupAccess, tmp_path: Path
) -> None:
    settings = write_settings(keycloak, tmp_path, "keycloak-nowhere", public_url=PUBLIC_URL)
    planned = plan(settings, REALM, access, create_realm=True)
    assert sentences(planned) == ["realm keycloak-nowhere: make it"]
    assert [path.name for path in tmp_path.iterdir()] == ["config.yaml"]
    with pytest.raises(Misconfigured):
        plan(settings, REALM, access)


def test_without_a_set_up_account_the_first_step_is_said(
    keycloak: RunningKeycloak, console: Console, tmp_path: Path
) -> None:
    fresh = write_settings(keycloak, tmp_path, NAME, public_url=PUBLIC_URL)
    for run in (plan, apply):
        with pytest.raises(Misconfigured, match="once as an administrator"):
            run(fresh, REALM)


def test_a_set_up_account_with_too_few_rights_is_told_so(
    settings: Settings, access: SetupAccess, console: Console
) -> None:
    client, management = console.client("usher-setup"), console.client("realm-management")
    user = console.get(f"clients/{client['id']}/service-account-user")["id"]
    mappings = f"users/{user}/role-mappings/clients/{management['id']}"
    console.delete(mappings, console.get(mappings))
    with pytest.raises(Misconfigured, match="may not do this: look"):
        plan(settings, REALM)
    apply(settings, REALM, access)
    assert plan(settings, REALM) == []


def test_a_wrong_administrators_password_is_misconfigured(settings: Settings) -> None:
    with pytest.raises(Misconfigured):
        plan(settings, REALM, SetupAccess(user="admin", password="wrong"))


def test_without_a_fence_the_account_manages_all_users_and_back(
    keycloak: RunningKeycloak, settings: Settings, access: SetupAccess, console: Console
) -> None:
    folder = settings.keys.parent
    off = write_settings(keycloak, folder, NAME, public_url=PUBLIC_URL, mail_port=2525, fence="off")
    assert sentences(apply(off, REALM, access)) == [
        "service account of usher-runtime: role manage-users no → yes",
        "service account of usher-runtime: role query-groups yes → no",
        "service account of usher-runtime: role query-users yes → no",
    ]
    assert plan(off, REALM, access) == []
    assert "service account of usher-runtime: role manage-users yes → no" in sentences(
        apply(settings, REALM, access)
    )


def _authorize(console: Console, **query: str) -> requests.Response:
    asked = {
        "client_id": "usher-invite",
        "redirect_uri": f"{PUBLIC_URL}/invite/done",
        "response_type": "code",
        "scope": "openid",
        "state": "s",
        "nonce": "n",
        "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
        "code_challenge_method": "S256",
        **query,
    }
    return requests.get(
        f"{console.realm_url}/protocol/openid-connect/auth",
        params={name: value for name, value in asked.items() if value},
        allow_redirects=False,
        timeout=10,
    )


def _where_the_hint_leads(console: Console) -> str:
    """Follow Keycloak's own redirects, as a browser with cookies, to the first address that is not its."""
    answer = _authorize(console, kc_idp_hint="usher", prompt="login")
    cookies = answer.cookies
    for cookie in cookies:
        cookie.secure = False
    while (to := answer.headers.get("Location", "")).startswith(console.realm_url):
        answer = requests.get(to, cookies=cookies, allow_redirects=False, timeout=10)
    return to
