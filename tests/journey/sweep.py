"""What must hold after every journey, whatever happened on it: no link that should not be there, no
hand-over past its time, accounts as their users' states want them, nothing that waits. It owns these
sentences; a journey's own end is the journey's.
"""

import time
from collections.abc import Iterable, Iterator
from typing import Any

from connector.domain.mapping import AccountMapping, Presence, usher_id
from connector.domain.model import PortalUser, State, Tenant, state_of
from connector.foundation.config import Settings
from connector.invite.addresses import PROVIDER_ALIAS
from tests.support.realms import Console
from tests.support.record import Record

HALF_AN_HOUR = 31 * 60.0
"""Seconds after which every hand-over is over."""


class LeftBehind(AssertionError):
    """What a journey left behind, a sentence each."""


def sweep(record: Record, console: Console, settings: Settings, people: Iterable[str]) -> None:
    """Look at once for links without a hand-over, then again when every hand-over's time is over: at the
    realm as a whole, and closely at ``people``, by their ids at Usher.

    :raises LeftBehind: with all that is wrong.
    """
    record.wait_until_settled()
    wrong = list(_links(record, console))
    record.let_time_pass(HALF_AN_HOUR)
    record.wait_until_settled()
    wrong += [f"half an hour later {sentence}" for sentence in _at_rest(record, console, settings, people)]
    if wrong:
        raise LeftBehind("\n".join(wrong))


def _at_rest(record: Record, console: Console, settings: Settings, people: Iterable[str]) -> Iterator[str]:
    yield from _links(record, console)
    yield from (f"hand-over {one} is still open" for one in record.overdue())
    accounts = console.get("users", briefRepresentation="false", max=1000)
    for one in people:
        user = record.user(one)
        tenant = settings.tenants[user.tenant]
        mine = [account for account in accounts if _mark(account) == usher_id(user)]
        yield from _disagreements(console, settings.mapping, tenant, user, mine)


def _links(record: Record, console: Console) -> Iterator[str]:
    """Asked first of Keycloak: a hand-over that ends meanwhile must not look like a link without one."""
    linked = {
        account["id"]: account["username"] for account in console.get("users", idpAlias=PROVIDER_ALIAS)
    }
    for account in linked.keys() - record.linkable():
        yield f"{linked[account]} is linked, and nobody is on the way"


def _mark(account: Any) -> str:
    return str(account.get("attributes", {}).get("usher.id", [""])[0])


def _disagreements(
    console: Console, mapping: AccountMapping, tenant: Tenant, user: PortalUser, mine: list[Any]
) -> Iterator[str]:
    """Where Keycloak's account is not as the user's state wants it."""
    state = state_of(user, time.time())
    rule, named = mapping.rule(state, tenant.policy), f"{user.profile.user_name} ({state})"
    if [account["id"] for account in mine] != ([user.account_id] if user.account_id else []):
        yield f"{named} has the accounts {[account['id'] for account in mine]}, not {user.account_id}"
    if (rule.account is Presence.ABSENT and mine) or (rule.account is Presence.ENABLED and not mine):
        yield f"{named} has {len(mine)} accounts"
    for account in mine:
        if account["enabled"] is not (rule.account is Presence.ENABLED):
            yield f"{named} has an account whose enabled is {account['enabled']}"
        asked = mapping.rule(State.PENDING, tenant.policy).required_actions
        yield from (f"{named} {fault}" for fault in _faults_of(console, account, state, asked))


def _faults_of(console: Console, account: Any, state: State, asked: frozenset[str]) -> Iterator[str]:
    """What is wrong with one account for a user in this state, of whom the invitation asks ``asked``."""
    here = f"users/{account['id']}"
    left = asked & set(account["requiredActions"])
    kinds = [credential["type"] for credential in console.get(f"{here}/credentials")]
    match state:
        case State.ACTIVE:
            if left or not account["emailVerified"] or not kinds:
                verified = account["emailVerified"]
                yield f"has {sorted(left)} to do, credentials {kinds}, emailVerified {verified}"
        case State.PENDING:
            if not left:
                yield "has nothing to do in Keycloak: a link would sign in whoever presses"
            yield from _sessions(console, here)
        case _:
            yield from _sessions(console, here)


def _sessions(console: Console, here: str) -> Iterator[str]:
    if sessions := console.get(f"{here}/sessions"):
        yield f"has {len(sessions)} sessions"
