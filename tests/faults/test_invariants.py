"""The invariants themselves: each sees what it is there to see, on an installation in which all is well."""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from connector.domain.model import PortalUser
from tests.faults import invariants as rules
from tests.faults.conftest import Install
from tests.faults.installation import Installation
from tests.faults.invariants import Found
from tests.faults.journal import Account, Fate, Line
from tests.faults.workers import deliver

SPOILED: dict[str, Callable[[Installation, Found], Iterator[str]]] = {
    "an entry is missing": lambda _, f: rules.answered_changes(replace(f, entries=[])),
    "a user is missing": lambda _, f: rules.answered_changes(replace(f, users={})),
    "an older version": lambda _, f: rules.answered_changes(_with_users(f, version=0)),
    "no work to do": lambda _, f: rules.work_to_do(replace(f, rows=[])),
    "a rolled back change is there": lambda _, f: rules.rolled_back_changes(_all_rolled_back(f)),
    "a row is left": lambda _, f: rules.outbox_rows(_with_rows(f, finished_at=None, state="ready"), ()),
    "a row is stuck": lambda _, f: rules.outbox_rows(_with_rows(f, state="quarantined"), ("other",)),
    "delivered too early": lambda _, f: rules.outbox_rows(_with_users(f, version=2, modified_at=9e9), ()),
    "no account": lambda i, f: rules.accounts(i, replace(f, accounts={})),
    "two accounts": lambda i, f: rules.accounts(i, _with_accounts(f, times=2)),
    "off": lambda i, f: rules.accounts(i, _with_accounts(f, enabled=False)),
    "another account": lambda i, f: rules.accounts(i, _with_accounts(f, id="other")),
    "an older name": lambda i, f: rules.accounts(i, _with_accounts(f, lastName="before")),
    "nobody's account": lambda i, f: rules.accounts(i, replace(f, users={})),
}
"""A rule, over what was found after one thing in it was spoiled."""


def test_each_invariant_sees_what_it_is_there_to_see(install: Install) -> None:
    with install() as installation:
        installation.clerk.create(1)
        deliver(installation)
        found = rules.check(installation, now=time.time())
        unseen = [what for what, rule in SPOILED.items() if not list(rule(installation, found))]
        (mail,) = installation.office.mails()
        installation.office._mails.extend([mail] * rules.MOST_COPIES)
        assert [line for line in rules.mails(installation, found) if "copies" in line]
        installation.office._mails.clear()
        assert [line for line in rules.mails(installation, found) if "never got" in line]
    assert unseen == []


def _with_users(found: Found, **values: Any) -> Found:
    users: dict[Any, PortalUser] = {key: replace(user, **values) for key, user in found.users.items()}
    return replace(found, users=users)


def _with_rows(found: Found, **values: Any) -> Found:
    rows: list[Any] = [{**row, **values} for row in found.rows]
    return replace(found, rows=rows)


def _with_accounts(found: Found, times: int = 1, **values: Any) -> Found:
    accounts = {
        mark: [{**one, **values} for one in those] * times for mark, those in found.accounts.items()
    }
    return replace(found, accounts=accounts)


def _all_rolled_back(found: Found) -> Found:
    lines = found.journal.of_fate(Fate.ANSWERED)
    undone: dict[str, Line] = {line.request: replace(line, fate=Fate.ROLLED_BACK) for line in lines}
    return replace(found, journal=Account(undone))
