"""What must hold after every fault, whatever was killed, cut or delayed. It owns these rules; it reads the
database, Keycloak and the mails that came; it changes nothing.

Each function yields a sentence for each thing that is wrong; ``check`` raises them all.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import RowMapping, select, text

from connector.domain.effects import Lane
from connector.domain.mapping import usher_id
from connector.domain.model import PortalUser, State, UserId, state_of
from connector.foundation.keys import load_link_keys
from connector.foundation.links import InvitationLinks
from connector.store.tables import mail_attempt, outbox, timeline, user
from tests.faults.changes import ACME
from tests.faults.installation import Installation
from tests.faults.journal import Account, Fate

MOST_COPIES = 3

_REFUSED = select(mail_attempt.c.user_id, mail_attempt.c.generation).where(
    mail_attempt.c.outcome == "failed"
)
_ON = {State.PENDING, State.ACTIVE}
_OFF = {State.EXPIRED, State.DISABLED}


class BrokenInvariant(AssertionError):
    """What did not hold, a sentence each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """All that there is to look at, read once. ``by_request`` is the timeline."""

    users: dict[UserId, PortalUser]
    rows: list[RowMapping]
    entries: list[RowMapping]
    accounts: dict[str, list[dict[str, Any]]]
    """By ``usher.id``."""
    refused_mails: set[tuple[str, int]]
    """User and generation of each invitation whose address was refused for good."""
    journal: Account
    now: float


def check(
    installation: Installation, *, now: float, watched: Collection[str] = (), stuck: Collection[str] = ()
) -> Found:
    """Every invariant, once all is delivered. ``watched`` is what a watcher saw; ``stuck`` lists reasons of
    quarantine that the fault may lead to.

    :raises BrokenInvariant: with all that is wrong.
    """
    found = look(installation, now)
    wrong = [
        *watched,
        *integrity(installation),
        *answered_changes(found),
        *rolled_back_changes(found),
        *outbox_rows(found, stuck),
        *accounts(installation, found),
        *mails(installation, found),
    ]
    _raise(wrong)
    return found


def check_stored(installation: Installation, *, now: float) -> Found:
    """What must hold before anything is delivered: the answered changes, and the work they ask for.

    :raises BrokenInvariant: with all that is wrong.
    """
    found = look(installation, now)
    wrong = [
        *integrity(installation),
        *answered_changes(found),
        *rolled_back_changes(found),
        *work_to_do(found),
    ]
    _raise(wrong)
    return found


def _raise(wrong: list[str]) -> None:
    if wrong:
        raise BrokenInvariant("\n".join([f"{len(wrong)} things are wrong:", *wrong[:40]]))


def look(installation: Installation, now: float) -> Found:
    """Read everything."""
    with installation.engines.read.begin() as connection:
        ids = [UserId(row.id) for row in connection.execute(select(user.c.id).where(user.c.tenant == ACME))]
        rows = list(connection.execute(select(outbox).order_by(outbox.c.id)).mappings())
        refused = connection.execute(_REFUSED).all()
        entries = list(connection.execute(select(timeline).order_by(timeline.c.seq)).mappings())
    with installation.store.read() as work:
        users = {one: found for one in ids if (found := work.users.get(ACME, one))}
    return Found(
        users=users,
        rows=rows,
        entries=entries,
        accounts=_accounts_by_usher_id(installation),
        refused_mails={(row.user_id, row.generation) for row in refused},
        journal=Account.of(installation.journal),
        now=now,
    )


# --- the database ---------------------------------------------------------------------------------


def integrity(installation: Installation) -> Iterator[str]:
    """The database itself is whole."""
    if installation.engines.read.dialect.name != "sqlite":
        return
    with installation.engines.read.begin() as connection:
        for (answer,) in connection.execute(text("PRAGMA integrity_check")):
            if answer != "ok":
                yield f"integrity_check says: {answer}"
        for row in connection.execute(text("PRAGMA foreign_key_check")):
            yield f"foreign_key_check says: {row}"


def answered_changes(found: Found) -> Iterator[str]:
    """P1: what was answered is there: the user in its version, its entry on the timeline, its work done."""
    entries = {entry["request_id"] for entry in found.entries}
    newest: dict[str, int] = defaultdict(int)
    for line in found.journal.of_fate(Fate.ANSWERED):
        newest[line.user] = max(newest[line.user], line.version)
        if line.changed and line.request not in entries:
            yield f"answered {line.action} {line.request} of {line.user} is not on the timeline"
    for one, version in newest.items():
        stored = found.users.get(UserId(one))
        if stored is None:
            yield f"user {one} was answered and is not there"
        elif stored.version < version:
            yield f"user {one} is of version {stored.version}, version {version} was answered"
    changes = (entry for entry in found.entries if not entry["reason"].startswith("refused"))
    counted = Counter(entry["user_id"] for entry in changes)
    for one, stored in found.users.items():
        if counted[one] != stored.version:
            yield f"user {one} of version {stored.version} has {counted[one]} entries on the timeline"


def work_to_do(found: Found) -> Iterator[str]:
    """Each user has a row for its account."""
    subjects = {row["subject"] for row in found.rows if row["effect"] == "sync_account"}
    for one in found.users:
        if f"u:{ACME}/{one}" not in subjects:
            yield f"user {one} has no row for its account"


def rolled_back_changes(found: Found) -> Iterator[str]:
    """Nothing of a change that failed, and nothing that nobody asked for, is anywhere."""
    undone = {line.request for line in found.journal.of_fate(Fate.ROLLED_BACK)}
    for entry in found.entries:
        if entry["request_id"] in undone:
            yield f"rolled back {entry['request_id']} is on the timeline"
    for row in found.rows:
        if row["request_id"] in undone:
            yield f"rolled back {row['request_id']} has outbox row {row['id']}"
    for one in found.users.values():
        if one.profile.family_name in undone:
            yield f"user {one.id} has the values of rolled back {one.profile.family_name}"


def outbox_rows(found: Found, stuck: Collection[str]) -> Iterator[str]:
    """P6: each row is done, skipped, or quarantined with its reason; only the clock's may wait."""
    stopped = _stopped(found)
    for row in found.rows:
        named = f"outbox row {row['id']} ({row['effect']} of {row['subject']})"
        if row["state"] == "quarantined":
            if row["reason"] not in stuck:
                yield f"{named} is quarantined: {row['reason']} ({row['detail']})"
        elif row["finished_at"] is None and row["lane"] != Lane.CLOCK and row["subject"] not in stopped:
            yield f"{named} is {row['state']}, due {row['due_at']}, now {found.now}"
    yield from _newest_delivered(found)


def _stopped(found: Found) -> set[str]:
    """Subjects with an account row in quarantine: what is behind it waits."""
    return {row["subject"] for row in found.rows if row["state"] == "quarantined" and row["lane"] == 0}


def _newest_delivered(found: Found) -> Iterator[str]:
    """A user's last change has an account row that was finished after it."""
    finished: dict[str, float] = defaultdict(float)
    for row in found.rows:
        if row["effect"] == "sync_account" and row["finished_at"] is not None:
            finished[row["subject"]] = max(finished[row["subject"]], row["finished_at"])
        if row["effect"] == "sync_account" and row["state"] == "quarantined":
            finished[row["subject"]] = float("inf")
    for one in found.users.values():
        if finished[f"u:{ACME}/{one.id}"] < one.modified_at - 0.001 and one.version > 1:
            yield f"user {one.id} was changed at {one.modified_at} and not delivered since"


# --- Keycloak -------------------------------------------------------------------------------------


def _accounts_by_usher_id(installation: Installation) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for account in installation.realm.accounts(installation.prefix):
        (mark,) = account.get("attributes", {}).get("usher.id", [""])
        found[mark].append(account)
    return found


def accounts(installation: Installation, found: Found) -> Iterator[str]:
    """P2: one account per user at most, as the user's state wants it; no session of who is off."""
    known = {usher_id(one) for one in found.users.values()}
    for mark, those in found.accounts.items():
        if len(those) > 1:
            yield f"{mark} has {len(those)} accounts"
        if mark not in known:
            yield f"an account of {mark or 'nobody'}, which there never was"
    stopped = _stopped(found)
    for one in found.users.values():
        if f"u:{ACME}/{one.id}" not in stopped:
            yield from _account_of(installation, found, one)


def _account_of(installation: Installation, found: Found, one: PortalUser) -> Iterator[str]:
    state = state_of(one, found.now)
    named = f"user {one.id} ({state})"
    account = next(iter(found.accounts.get(usher_id(one), [])), None)
    if account is None:
        if state in _ON or (state in _OFF and one.account_id):
            yield f"{named} has no account"
        return
    if state not in _ON | _OFF:
        yield f"{named} has an account"
        return
    if account["id"] != one.account_id:
        yield f"{named} has account {account['id']}, {one.account_id} is remembered"
    if account["enabled"] is not (state in _ON):
        yield f"{named} has an account that is {'on' if account['enabled'] else 'off'}"
    if state in _OFF and (sessions := installation.realm.sessions(account["id"])):
        yield f"{named} still has {len(sessions)} sessions"
    yield from _values_of(one, account, named)


def _values_of(one: PortalUser, account: dict[str, Any], named: str) -> Iterator[str]:
    wanted = {
        "username": one.profile.user_name.casefold(),
        "email": one.profile.email.casefold(),
        "firstName": one.profile.given_name,
        "lastName": one.profile.family_name,
    }
    for field, value in wanted.items():
        if account.get(field, "") != value:
            yield f"{named} has {field} {account.get(field)!r} in Keycloak, {value!r} here"


# --- mails ----------------------------------------------------------------------------------------


def mails(installation: Installation, found: Found) -> Iterator[str]:
    """P3: who waits for an invitation got it, unless the address was refused for good; each copy of a mail
    has the same link; three at most.
    """
    links = InvitationLinks(installation.settings.public_url, load_link_keys(installation.settings.keys)[0])
    arrived = {mail.link for mail in installation.office.mails()}
    stuck = {row["subject"] for row in found.rows if row["state"] == "quarantined"}
    for one in found.users.values():
        if state_of(one, found.now) is not State.PENDING or f"u:{ACME}/{one.id}" in stuck:
            continue
        assert one.invitation
        if (one.id, one.invitation.generation) in found.refused_mails:
            continue
        if links.invitation(one.invitation.id, one.invitation.generation) not in arrived:
            yield f"user {one.id} is pending and never got generation {one.invitation.generation}"
    for message, copies in installation.office.copies().items():
        if len(copies) > MOST_COPIES:
            yield f"{len(copies)} copies of {message} came"
        if len({(mail.link, mail.recipient) for mail in copies}) > 1:
            yield f"the copies of {message} differ"
