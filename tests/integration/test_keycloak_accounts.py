"""Rules A4 to A8 on a real Keycloak: what becomes of a user's account when replies get lost, others write
too, a run is killed half-way, or something that is not Keycloak answers.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from urllib.parse import quote
from uuid import uuid4

import pytest

from connector.domain import commands as c
from connector.domain.errors import Exists, Unavailable
from connector.foundation.config import Settings
from connector.keycloak.adapter import NO_CONSENT, KeycloakProvider
from tests.contract.identity_provider import OUR_ACTIONS, somebody
from tests.support.fault_proxy import FaultProxy, Mode
from tests.support.plant import Plant
from tests.support.real_accounts import APP, APP_CLIENT, OneUser, Visitor, accounts_of, line_to, sent
from tests.support.realms import REALM, Console, RunningKeycloak, console_of, make_realm
from tests.support.waiting import wait_until

NAME = "keycloak-accounts"


@pytest.fixture(scope="module")
def console(keycloak: RunningKeycloak) -> Iterator[Console]:
    with console_of(keycloak, NAME) as console:
        yield console


@pytest.fixture(scope="module")
def settings(
    keycloak: RunningKeycloak, console: Console, tmp_path_factory: pytest.TempPathFactory
) -> Settings:
    folder = tmp_path_factory.mktemp("accounts")
    settings = make_realm(keycloak, folder, NAME, public_url="http://localhost:9")
    console.post("clients", APP_CLIENT)
    return settings


@pytest.fixture
def proxy(keycloak: RunningKeycloak) -> Iterator[FaultProxy]:
    with line_to(keycloak) as proxy:
        yield proxy


@pytest.fixture
def provider(settings: Settings, proxy: FaultProxy) -> KeycloakProvider:
    """The realm, over the line."""
    realm = settings.realms[REALM].model_copy(update={"url": proxy.url})
    return KeycloakProvider(realm, OUR_ACTIONS)


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Plant:
    return Plant(tmp_path_factory.mktemp("plant"))


@pytest.fixture
def ada(plant: Plant, provider: KeycloakProvider) -> OneUser:
    return OneUser(plant, provider)


# --- A4: one account, and nobody else's ---


@pytest.mark.parametrize("is_repeat", [True, False], ids=["known-as-repeat", "begun-afresh"])
def test_keycloak_a4_a_create_that_lost_its_reply_is_one_account_in_the_end(
    ada: OneUser, proxy: FaultProxy, console: Console, is_repeat: bool
) -> None:
    proxy.sometimes(Mode.RESET_REPLY, matching=r"^POST \S+/users ")
    with pytest.raises(Unavailable):
        ada.sync()
    assert ada.account is None
    ada.sync(is_repeat=is_repeat)
    (account,) = accounts_of(console, ada.usher_id)
    assert ada.account == account["id"]
    assert sent(proxy, "POST") == (1 if is_repeat else 2)


def test_keycloak_a4_a_lost_create_is_found_though_everything_else_changed_meanwhile(
    ada: OneUser, proxy: FaultProxy, console: Console
) -> None:
    proxy.sometimes(Mode.RESET_REPLY, matching=r"^POST \S+/users ")
    with pytest.raises(Unavailable):
        ada.sync()
    ada.edit(f"new-{ada.name}")
    console.put("", {"editUsernameAllowed": True})
    try:
        ada.sync(is_repeat=True)
    finally:
        console.put("", {"editUsernameAllowed": False})
    (account,) = accounts_of(console, ada.usher_id)
    assert (ada.account, account["email"]) == (account["id"], f"new-{ada.name}")


@pytest.mark.parametrize(
    "foreign",
    [
        lambda name: {"username": f"other-{name}", "email": name},
        lambda name: {"username": name, "email": f"other-{name}"},
        lambda name: {"username": name.upper(), "email": f"other-{name}"},
        lambda name: {"username": name, "email": name},
    ],
    ids=["same-email", "same-name", "name-in-capitals", "both"],
)
def test_keycloak_a4_a_foreign_account_stays_untouched(
    ada: OneUser, console: Console, foreign: Callable[[str], dict[str, str]]
) -> None:
    """One that we may touch and that has our mark, but in other case, which the search does not see."""
    made = console.post(
        "users",
        {
            "enabled": True,
            "firstName": "Root",
            "lastName": "Rose",
            "attributes": {"usher.id": [ada.usher_id.upper()]},
            "groups": ["/usher-users"],
            **foreign(ada.name),
        },
    )
    before = console.get(f"users/{made}")
    for is_repeat in (False, True):
        with pytest.raises(Exists):
            ada.sync(is_repeat=is_repeat)
    assert console.get(f"users/{made}") == before
    assert ada.account is None
    assert [account["id"] for account in accounts_of(console, ada.usher_id)] == [made]


def test_keycloak_a4_a_user_name_in_other_case_is_the_same_account(
    ada: OneUser, proxy: FaultProxy, console: Console
) -> None:
    ada.sync()
    account = ada.account
    ada.edit(ada.name.upper(), email=ada.name)
    proxy.forget()
    ada.sync(is_repeat=True)
    assert ada.account == account
    assert len(accounts_of(console, ada.usher_id)) == 1
    assert (sent(proxy, "POST"), sent(proxy, "PUT")) == (0, 0)


# --- A5: others write too ---


def test_keycloak_a5_a_console_edit_in_the_gap_is_found(
    ada: OneUser, proxy: FaultProxy, console: Console
) -> None:
    """What an administrator saves after we looked and before we write: a whole form, as it was opened. We
    write a given name alone, so only a look afterwards can find the rest.
    """
    ada.do(c.Activate)
    ada.sync()
    ada.edit(ada.name, given_name="Augusta")
    form = console.get(f"users/{ada.account}")
    proxy.sometimes(Mode.LATENCY, matching=r"^PUT ", seconds=1.5)
    with ThreadPoolExecutor(1) as pool:
        syncing = pool.submit(ada.sync, is_repeat=True)
        wait_until(lambda: any(call.startswith("GET ") for call in proxy.calls()))
        form["attributes"]["usher.id"] = ["acme:nobody"]
        changed = {"lastName": "Console", "enabled": False, "requiredActions": ["CONFIGURE_TOTP"]}
        console.put(f"users/{ada.account}", form | changed)
        syncing.result()
    after = console.get(f"users/{ada.account}")
    assert after["attributes"]["usher.id"] == [ada.usher_id]
    assert (after["firstName"], after["lastName"], after["enabled"]) == ("Augusta", "Lovelace", True)
    assert after["requiredActions"] == ["CONFIGURE_TOTP"]


def test_keycloak_a5_foreign_required_actions_stay_beside_ours(ada: OneUser, console: Console) -> None:
    ada.sync()
    console.put(f"users/{ada.account}", {"requiredActions": ["CONFIGURE_TOTP", "VERIFY_EMAIL"]})
    ada.sync(is_repeat=True)
    actions = console.get(f"users/{ada.account}")["requiredActions"]
    assert sorted(actions) == ["CONFIGURE_TOTP", "UPDATE_PASSWORD", "VERIFY_EMAIL"]


# --- A6: off means off ---


@pytest.fixture
def visitor(ada: OneUser, console: Console) -> Visitor:
    ada.do(c.Activate)
    ada.sync()
    assert ada.account
    console.give_password(ada.account)
    visitor = Visitor(console, ada.name)
    assert visitor.gets_in() == [True, True, True]
    return visitor


OFF_STEPS = 8
"""Requests of one switching off: read, disable, read back, unlink; log out, list consents, delete the one
there is, list sessions. The last three come a second time.
"""


@pytest.mark.parametrize("mode", [Mode.REFUSE, Mode.RESET_REPLY])
@pytest.mark.parametrize("steps", range(OFF_STEPS))
def test_keycloak_a6_switching_off_that_was_killed_is_whole_when_it_ran_again(
    ada: OneUser, visitor: Visitor, proxy: FaultProxy, console: Console, steps: int, mode: Mode
) -> None:
    ada.do(c.Disable)
    proxy.sometimes(mode, matching="/admin/", after=steps, times=None)
    with pytest.raises(Unavailable):
        ada.switch_off()
    proxy.always(Mode.OK)
    ada.switch_off()
    assert not console.get(f"users/{ada.account}")["enabled"]
    assert console.get(f"users/{ada.account}/sessions") == []
    assert visitor.gets_in() == [False, False, False]
    ada.do(c.Enable)
    ada.sync(is_repeat=True)
    assert console.get(f"users/{ada.account}")["enabled"]
    assert visitor.gets_in() == [False, False, False]


def test_keycloak_a6_every_run_takes_all_steps_also_on_a_disabled_account(
    ada: OneUser, visitor: Visitor, proxy: FaultProxy, console: Console
) -> None:
    """Sessions wait behind a disabled account, and enabling alone would revive them."""
    ada.do(c.Disable)
    console.put(f"users/{ada.account}", {"enabled": False})
    proxy.forget()
    ada.switch_off()
    steps = [call.rpartition(f"users/{ada.account}")[2] for call in proxy.calls()]
    assert [step for step in steps if step] == [
        "/federated-identity/usher",
        "/logout",
        "/consents",
        "/consents/https%3A%2F%2Fapp.example.com",
        "/sessions",
        # The row that ends sessions whatever the state is, which follows.
        "/logout",
        "/consents",
        "/sessions",
    ]
    console.put(f"users/{ada.account}", {"enabled": True})
    assert visitor.gets_in() == [False, False, False]


# --- A8: only Keycloak's own word ends an account ---


@pytest.mark.parametrize("after", range(3))
@pytest.mark.parametrize(
    "asked",
    [(), (c.Activate,), (c.Activate, c.Disable), (c.Delete,), (c.Activate, c.Delete)],
    ids=["pending", "active", "disabled", "deleted", "deleted-active"],
)
def test_keycloak_a8_a_proxys_404_page_deletes_and_forgets_nothing(
    ada: OneUser, proxy: FaultProxy, console: Console, asked: tuple[type[c.Command], ...], after: int
) -> None:
    ada.sync()
    account = ada.account
    ada.do(*asked)
    proxy.sometimes(Mode.HTML_404, matching="/admin/", after=after, times=None)
    with suppress(Unavailable):
        ada.sync(is_repeat=True)
    with suppress(Unavailable):
        ada.end_sessions()
    proxy.always(Mode.OK)
    if c.Delete not in asked:
        assert ada.account == account
        assert console.get(f"users/{account}")["id"] == account
    ada.sync(is_repeat=True)
    assert len(accounts_of(console, ada.usher_id)) == (0 if c.Delete in asked else 1)


def test_keycloak_a8_a_404_page_for_each_step_of_an_end_is_not_taken_for_done(
    ada: OneUser, proxy: FaultProxy, console: Console
) -> None:
    ada.sync()
    account = ada.account
    ada.do(c.Delete)
    for matching in (r"^GET ", r"^DELETE "):
        proxy.sometimes(Mode.HTML_404, matching=matching)
        with pytest.raises(Unavailable):
            ada.sync(is_repeat=True)
        assert (ada.account, console.get(f"users/{account}")["id"]) == (account, account)
    ada.sync(is_repeat=True)
    assert ada.account is None
    assert console.call("GET", f"users/{account}").status_code == 404


def test_keycloak_a8_what_is_missing_already_is_done_and_so_named_by_keycloak(
    provider: KeycloakProvider, console: Console
) -> None:
    account = provider.create(somebody())
    for client in (console.client(APP)["clientId"], "no-such-client"):
        answer = console.call("DELETE", f"users/{account}/consents/{quote(client, safe='')}")
        assert (answer.status_code, answer.json()["error"] in NO_CONSENT) == (404, True)
    answer = console.call("DELETE", f"users/{account}/federated-identity/usher")
    assert (answer.status_code, answer.json()["error"]) == (404, "Link not found")
    provider.unlink(account)
    provider.end_sessions(account)
    provider.remove_credential(account, str(uuid4()))
