"""F2: the mail server answers each recipient otherwise, and the mail table says what then happens."""

import time

from connector.application.records import MailAttempt, OutboxRow
from connector.domain.model import PortalUser
from tests.faults.changes import ACME
from tests.faults.conftest import Install
from tests.faults.installation import Installation
from tests.faults.invariants import MOST_COPIES, check
from tests.faults.processes import wait_until
from tests.faults.workers import deliver, working


def attempts(installation: Installation, user: PortalUser) -> list[MailAttempt]:
    with installation.store.read() as work:
        return work.mails.of(ACME, user.id)


def row_of(installation: Installation, user: PortalUser) -> OutboxRow | None:
    """The user's mail that is not finished."""
    mine = (row for row in installation.rows() if row.user_id == user.id and row.effect == "send_mail")
    return next(mine, None)


def test_promise_p3_every_recipient_gets_what_the_mail_table_says(install: Install) -> None:
    with install() as installation:
        office, clerk = installation.office, installation.clerk
        kinds = ("later", "nobody", "too big", "refused", "cut once", "cut always", "slow", "well")
        users = {kind: clerk.create(number) for number, kind in enumerate(kinds)}
        addresses = {kind: user.profile.email for kind, user in users.items()}
        office.answers[addresses["later"]] = "451 4.7.1 greylisted"
        office.answers[addresses["nobody"]] = "550 5.1.1 no such user"
        office.final[addresses["too big"]] = "552 5.3.4 too big"
        office.final[addresses["refused"]] = "554 5.7.1 spam"
        office.cut[addresses["cut once"]] = 1
        office.cut[addresses["cut always"]] = 100
        office.slow[addresses["slow"]] = 2.0
        with working(installation):
            wait_until(lambda: _failures(installation, users["later"]) >= 2, 30.0, "451 is tried again")
            del office.answers[addresses["later"]]
            installation.wait_until_settled()
        check(installation, now=time.time(), stuck={"mail_refused", "delivery_unknown"})
        came = {kind: len(office.mails(address)) for kind, address in addresses.items()}
        outcomes = {kind: [one.outcome for one in attempts(installation, users[kind])] for kind in kinds}
        reasons = {kind: row.reason for kind in kinds if (row := row_of(installation, users[kind]))}
    assert came == {
        **dict.fromkeys(("later", "slow", "well"), 1),
        **dict.fromkeys(("nobody", "too big", "refused"), 0),
        "cut once": 2,
        "cut always": MOST_COPIES,
    }
    assert outcomes["nobody"] == ["failed"]
    assert outcomes["later"] == outcomes["slow"] == outcomes["well"] == ["sent"]
    assert outcomes["cut once"] == ["sent"]
    assert outcomes["cut always"] == ["queued"]
    assert reasons == {
        "too big": "mail_refused",
        "refused": "mail_refused",
        "cut always": "delivery_unknown",
    }


def _failures(installation: Installation, user: PortalUser) -> int:
    row = row_of(installation, user)
    return row.failures if row else 0


def test_fault_f2_without_starttls_no_mail_leaves_and_none_is_given_up(install: Install) -> None:
    with install(smtp={"tls": "starttls"}) as installation:
        clerk = installation.clerk
        users = [clerk.create(number) for number in range(5)]
        with working(installation) as (worker,):
            wait_until(lambda: "STARTTLS" in worker.said, 20.0, "it is told")
            wait_until(lambda: _parked(installation) == len(users), 20.0, "the mails wait")
            rows = [row_of(installation, user) for user in users]
        assert installation.office.mails() == []
        assert [row.state for row in rows if row] == ["ready"] * len(users)


def _parked(installation: Installation) -> int:
    """How many mails wait for a time to come."""
    now = time.time()
    mails = [row for row in installation.rows() if row.effect == "send_mail"]
    return len([row for row in mails if row.state == "ready" and row.due_at and row.due_at > now])


def test_promise_p3_killed_when_the_mail_was_taken_it_comes_again_alike(install: Install) -> None:
    """A kill between the server's taking and its answer: the worker that comes next sends a second copy."""
    with install() as installation:
        user = installation.clerk.create(1)
        worker = installation.start("worker", name="killed")
        installation.office.taken = lambda _mail: worker.kill() if worker.exit_code is None else None
        wait_until(lambda: worker.exit_code is not None, 30.0, "it is killed")
        installation.office.taken = lambda _mail: None
        deliver(installation)
        check(installation, now=time.time())
        assert len(installation.office.mails(user.profile.email)) == 2


def test_promise_p3_killed_each_time_a_mail_was_taken_it_stops_at_three_copies(install: Install) -> None:
    with install() as installation:
        user = installation.clerk.create(1)
        for _ in range(MOST_COPIES):
            worker = installation.start("worker", name="killed")
            installation.office.taken = lambda _mail, one=worker: one.kill()  # type: ignore[misc]
            wait_until(lambda one=worker: one.exit_code is not None, 30.0, "it is killed")  # type: ignore[misc]
        deliver(installation)
        check(installation, now=time.time(), stuck={"delivery_unknown"})
        assert len(installation.office.mails(user.profile.email)) == MOST_COPIES
        row = row_of(installation, user)
    assert row is not None
    assert row.reason == "delivery_unknown"
