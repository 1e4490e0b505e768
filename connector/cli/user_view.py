"""How one user is shown: fields as JSON, lines for people. It owns the form; what there is to say is
``application/explain.py``'s.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from connector.application.explain import Explanation
from connector.application.records import Entry, MailAttempt, OutboxRow
from connector.cli.output import console, iso, show_fields, show_table
from connector.domain.model import PortalUser, Profile, state_of
from connector.foundation.mail_address import wire_form
from connector.mail.names import oddities


def name_of(profile: Profile) -> str:
    """What a person is called, as far as we were told."""
    return profile.display_name or f"{profile.given_name} {profile.family_name}".strip()


def summary(user: PortalUser, now: float) -> dict[str, Any]:
    """One user in short, as JSON."""
    profile, invitation = user.profile, user.invitation
    return {
        "id": user.id,
        "tenant": user.tenant,
        "userName": profile.user_name,
        "displayName": name_of(profile),
        "email": profile.email,
        "state": state_of(user, now),
        "holds": sorted(f"{hold.kind} ({hold.source})" for hold in user.holds),
        "invitation": invitation
        and {
            "generation": invitation.generation,
            "status": invitation.status,
            "issuedAt": iso(invitation.issued_at),
            "expiresAt": iso(invitation.expires_at),
            "sentAt": iso(invitation.sent_at),
        },
        "activatedAt": iso(user.activated_at),
        "accountId": user.account_id,
        "version": user.version,
    }


def details(found: Explanation) -> dict[str, Any]:
    """What `user show` says besides the summary, as JSON."""
    return {
        "rule": found.rule,
        "allowedActions": list(found.allowed_actions),
        "waiting": [row_fields(row) for row in found.waiting],
        "mails": [mail_fields(mail) for mail in found.mails],
        "notices": oddities(found.user.profile),
    }


def mail_fields(mail: MailAttempt) -> dict[str, Any]:
    """A line of the record of mails as JSON."""
    return {
        "at": iso(mail.at),
        "template": mail.template,
        "generation": mail.generation,
        "outcome": mail.outcome,
        "answer": mail.answer,
        "messageId": mail.message_id,
    }


class Undelivered:
    """Whose last mail failed or came back, of the addresses that users have now. ``words`` are the newest
    of bad addresses.
    """

    def __init__(self, words: Iterable[MailAttempt]) -> None:
        self._words = {(word.user_id, word.recipient): word.outcome for word in words}

    def word_of(self, user: PortalUser) -> str:
        """What became of the last mail to the user's address; empty if nothing bad is known."""
        address = wire_form(user.profile.email) or user.profile.email.casefold()
        return self._words.get((user.id, address), "")


def row_fields(row: OutboxRow) -> dict[str, Any]:
    """An outbox row as JSON: what waits, why, and when the next try is."""
    return {
        "id": row.id,
        "effect": row.effect,
        "target": row.target,
        "state": row.state,
        "nextTry": iso(row.due_at),
        "failures": row.failures,
        "reason": row.reason,
        "detail": row.detail,
        "sink": row.sink,
        "requestId": row.request_id,
    }


def entry_fields(entry: Entry) -> dict[str, Any]:
    """A line of the timeline as JSON."""
    return {
        "at": iso(entry.at),
        "actor": entry.actor,
        "source": entry.source,
        "requestId": entry.request_id,
        "action": entry.action,
        "before": entry.before,
        "after": entry.after,
        "reason": entry.reason,
        "changes": {name: list(pair) for name, pair in entry.changes.items()},
    }


def entry_line(entry: Entry) -> tuple[Any, ...]:
    """A line of the timeline as the cells of a table."""
    moved = f"{entry.before} → {entry.after}"
    at = iso(entry.at)
    return at, entry.actor, entry.source, entry.request_id, entry.action, moved, _why(entry)


def _why(entry: Entry) -> str:
    changes = (f"{name}: {before!r} → {after!r}" for name, (before, after) in entry.changes.items())
    return "; ".join(part for part in (entry.reason, *changes) if part)


def print_summary(found: Explanation) -> None:
    """One user for people."""
    fields = summary(found.user, found.now)
    invitation = fields.pop("invitation") or {}
    show_fields(
        (
            *((name, value) for name, value in fields.items() if not isinstance(value, list)),
            ("because", found.rule),
            ("held by", ", ".join(fields["holds"])),
            ("invitation", ", ".join(f"{k} {v}" for k, v in invitation.items() if v is not None)),
            ("may be", ", ".join(found.allowed_actions)),
            ("notice", "; ".join(oddities(found.user.profile))),
        )
    )


def print_mails(mails: Sequence[MailAttempt]) -> None:
    """What became of mails, for people."""
    if not mails:
        return
    console.print("\n[bold]Mails[/bold]")
    show_table(
        ("when", "mail", "generation", "outcome", "answer"),
        ((iso(m.at), m.template, m.generation, m.outcome, m.answer) for m in mails),
    )


def print_waiting(rows: tuple[OutboxRow, ...]) -> None:
    """What waits, why, and when the next try is, for people."""
    if not rows:
        console.print("\nNothing waits.")
        return
    console.print("\n[bold]What waits[/bold]")
    show_table(
        ("row", "effect", "target", "state", "next try", "failures"),
        ((r.id, r.effect, r.target, r.state, iso(r.due_at), r.failures) for r in rows),
    )
    for row in rows:
        if row.reason:
            console.print(f"row {row.id}: {_reason(row)}", markup=False, highlight=False, soft_wrap=True)


def _reason(row: OutboxRow) -> str:
    return ": ".join(part for part in (row.reason, row.detail) if part)
