"""Rules A1 to A3 on a real Keycloak, with a line to it on which requests and replies get lost."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Barrier
from uuid import uuid4

import pytest

from connector.domain.errors import Misconfigured, Unavailable
from connector.domain.model import AccountId
from connector.foundation.config import RealmSettings, Settings
from connector.foundation.observe import bind_request_id
from connector.keycloak.adapter import KeycloakProvider, KeycloakProviders
from tests.contract.identity_provider import OUR_ACTIONS, somebody
from tests.support.fault_proxy import FaultProxy, Mode
from tests.support.real_accounts import line_to, sent
from tests.support.realms import REALM, Console, RunningKeycloak, console_of, make_realm
from tests.support.waiting import wait_until

NAME = "keycloak-faults"


@pytest.fixture(scope="module")
def console(keycloak: RunningKeycloak) -> Iterator[Console]:
    with console_of(keycloak, NAME) as console:
        yield console


@pytest.fixture(scope="module")
def settings(
    keycloak: RunningKeycloak, console: Console, tmp_path_factory: pytest.TempPathFactory
) -> Settings:
    folder = tmp_path_factory.mktemp("faults")
    return make_realm(keycloak, folder, NAME, public_url="http://localhost:9")


@pytest.fixture
def proxy(keycloak: RunningKeycloak) -> Iterator[FaultProxy]:
    with line_to(keycloak) as proxy:
        yield proxy


@pytest.fixture
def realm(settings: Settings, proxy: FaultProxy) -> RealmSettings:
    """The realm, over the line."""
    return settings.realms[REALM].model_copy(update={"url": proxy.url})


@pytest.fixture
def provider(realm: RealmSettings) -> KeycloakProvider:
    return KeycloakProvider(realm, OUR_ACTIONS)


# --- A1: realms and threads ---


def test_keycloak_a1_two_realms_and_sixteen_threads_do_not_mix(
    keycloak: RunningKeycloak, settings: Settings, console: Console, tmp_path: Path
) -> None:
    with console_of(keycloak, "keycloak-faults-b") as other_console:
        other = make_realm(keycloak, tmp_path, "keycloak-faults-b", public_url="http://localhost:9")
        realms = {"a": settings.realms[REALM], "b": other.realms[REALM]}
        providers = KeycloakProviders(realms, OUR_ACTIONS, slots=16)

        def life_of_one(realm: str) -> tuple[str, AccountId]:
            provider = providers.of(realm)
            wanted = somebody(given_name=realm.upper())
            account = provider.get(provider.create(wanted))
            assert account.given_name == realm.upper()
            provider.update(account, replace(wanted, family_name="Moved"))
            return realm, account.id

        with ThreadPoolExecutor(16) as pool:
            made = set(pool.map(life_of_one, ["a", "b"] * 16))
        for realm, where in (("a", console), ("b", other_console)):
            found = where.get("users", lastName="Moved", max=1000)
            assert {(realm, user["id"]) for user in found} == {one for one in made if one[0] == realm}
            assert {user["firstName"] for user in found} == {realm.upper()}


# --- A2: sent once, one token, one connection a thread ---


@dataclass(frozen=True, slots=True)
class Call:
    """A call of the port, and the requests it must send at most once each."""

    name: str
    run: Callable[[KeycloakProvider, AccountId], object]
    request: str


def move(provider: KeycloakProvider, account: AccountId) -> None:
    """Write another family name."""
    found = provider.get(account)
    names = {"usher_id": found.usher_id, "user_name": found.user_name, "email": found.email}
    provider.update(found, somebody(**names, family_name=str(uuid4())))


CALLS = [
    Call("get", lambda provider, account: provider.get(account), r"^GET \S+/users/[-0-9a-f]+ "),
    Call("create", lambda provider, _: provider.create(somebody()), r"^POST \S+/users "),
    Call("update", lambda provider, account: move(provider, account), r"^PUT \S+/users/[-0-9a-f]+ "),
    Call("unlink", lambda provider, account: provider.unlink(account), r"^DELETE \S+/federated-identity/"),
    Call("end", lambda provider, account: provider.end_sessions(account), r"^POST \S+/logout "),
    Call("delete", lambda provider, account: provider.delete(account), r"^DELETE \S+/users/[-0-9a-f]+ "),
]
each_call = pytest.mark.parametrize("call", CALLS, ids=[call.name for call in CALLS])


@each_call
def test_keycloak_a2_what_lost_its_reply_was_sent_once(
    provider: KeycloakProvider, proxy: FaultProxy, call: Call
) -> None:
    account = provider.create(somebody())
    proxy.forget()
    proxy.sometimes(Mode.RESET_REPLY, matching=call.request, times=None)
    with pytest.raises(Unavailable):
        call.run(provider, account)
    assert sent(proxy, call.request[1:].partition(" ")[0]) == 1


@each_call
def test_keycloak_a2_what_met_a_dying_connection_was_sent_once(
    provider: KeycloakProvider, proxy: FaultProxy, call: Call
) -> None:
    """The server hangs up on a connection that is kept as our request is on its way."""
    account = provider.create(somebody())
    proxy.sometimes(Mode.REFUSE, matching=call.request)
    proxy.forget()
    with pytest.raises(Unavailable):
        call.run(provider, account)
    assert (sent(proxy, call.request[1:].partition(" ")[0]), proxy.accepted) == (0, 0)


@each_call
def test_keycloak_a2_a_connection_that_was_closed_meanwhile_is_no_fault(
    provider: KeycloakProvider, proxy: FaultProxy, call: Call
) -> None:
    account = provider.create(somebody())
    proxy.hang_up()
    wait_until(lambda: not proxy.open_connections)
    proxy.forget()
    call.run(provider, account)
    assert proxy.accepted == 1


@pytest.mark.parametrize(
    "mode", [Mode.REFUSE, Mode.RESET_REPLY, Mode.HALF_REQUEST, Mode.HTML_404, Mode.HTML_502]
)
@pytest.mark.parametrize("where", ["/openid-connect/token", "/admin/"])
def test_keycloak_a3_whatever_happens_on_the_way_is_unavailable_and_passes(
    provider: KeycloakProvider, proxy: FaultProxy, mode: Mode, where: str
) -> None:
    proxy.sometimes(mode, matching=where)
    with pytest.raises(Unavailable):
        provider.find("acme:1")
    assert provider.find("acme:1") is None


def test_keycloak_a2_ten_cold_threads_fetch_one_token(
    provider: KeycloakProvider, proxy: FaultProxy
) -> None:
    proxy.sometimes(Mode.LATENCY, seconds=0.3, matching="/openid-connect/token")
    with ThreadPoolExecutor(10) as pool:
        list(pool.map(provider.create, [somebody() for _ in range(10)]))
    assert proxy.calls().count(f"POST /realms/{NAME}/protocol/openid-connect/token") == 1


def test_keycloak_a2_a_token_that_was_revoked_is_replaced_once_for_all_threads(
    provider: KeycloakProvider, proxy: FaultProxy, console: Console
) -> None:
    account = provider.create(somebody())
    revoked_at = int(time.time()) + 1
    console.put("", {"notBefore": revoked_at})
    wait_until(lambda: time.time() >= revoked_at)
    proxy.forget()
    try:
        with ThreadPoolExecutor(8) as pool:
            assert {found.id for found in pool.map(provider.get, [account] * 8)} == {account}
    finally:
        console.put("", {"notBefore": 0})
    assert proxy.calls().count(f"POST /realms/{NAME}/protocol/openid-connect/token") == 1


def test_keycloak_a2_each_slot_keeps_a_connection(realm: RealmSettings, proxy: FaultProxy) -> None:
    provider = KeycloakProvider(realm, OUR_ACTIONS, slots=16)
    account = provider.create(somebody())
    proxy.forget()
    together = Barrier(16)
    proxy.always(Mode.LATENCY, seconds=0.1)

    def three_times(_: int) -> None:
        for _ in range(3):
            together.wait(20)
            provider.get(account)

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(three_times, range(16)))
    assert proxy.accepted == 15


# --- the table of errors, where only a real server shows the answer ---


def test_a_realm_that_keycloak_does_not_have_is_misconfigured(realm: RealmSettings) -> None:
    nowhere = realm.model_copy(update={"realm": "keycloak-faults-nowhere"})
    with pytest.raises(Misconfigured, match="Realm does not exist"):
        KeycloakProvider(nowhere, OUR_ACTIONS).find("acme:1")


def test_a_path_that_keycloak_does_not_have_is_misconfigured(realm: RealmSettings) -> None:
    elsewhere = realm.model_copy(update={"url": f"{realm.url}/auth"})
    with pytest.raises(Misconfigured, match="Unable to find matching target resource"):
        KeycloakProvider(elsewhere, OUR_ACTIONS).find("acme:1")


# --- X5: one id from the first request on ---


def test_operations_x5_every_request_to_keycloak_carries_the_request_id(
    provider: KeycloakProvider, proxy: FaultProxy
) -> None:
    with bind_request_id("request-1"):
        provider.get(provider.create(somebody()))
    assert [message.headers["x-request-id"] for message in proxy.messages()] == ["request-1"] * 3
    with bind_request_id("request-2"):
        provider.find("acme:1")
    provider.find("acme:1")
    ids = [message.headers.get("x-request-id") for message in proxy.messages()]
    assert ids[3:] == ["request-2", None]
