"""``usher outbox …``: what waits, what is in quarantine and why, and what an operator does about it. It
owns the verbs.
"""

from typing import Annotated

import typer

from connector.application.ports import UnitOfWork
from connector.application.records import Entry, OutboxRow
from connector.cli.context import OPERATOR, SOURCE, new_request_id, opened_core
from connector.cli.output import console, iso, show_fields, show_json, show_table
from connector.cli.user_view import row_fields
from connector.cli.users import Json
from connector.domain.errors import NotFound
from connector.domain.model import state_of

app = typer.Typer(no_args_is_help=True, help="What must still happen outside.")

RowId = Annotated[
    int,
    typer.Argument(
        metavar="ROW", help="The row's number, as `outbox list` shows it.", min=1, max=2**63 - 1
    ),
]


@app.command("list")
def list_rows(
    context: typer.Context,
    state: Annotated[str | None, typer.Option(help="ready, running or quarantined.")] = None,
    limit: Annotated[int, typer.Option(help="At most so many rows.", min=1, max=10_000)] = 100,
    json: Json = False,
) -> None:
    """List what is not finished, oldest first."""
    with opened_core(context) as core, core.service.store.read() as work:
        rows = work.outbox.list(state=state, limit=limit)
    if json:
        show_json([row_fields(row) | {"tenant": row.tenant, "user": row.user_id} for row in rows])
        return
    show_table(
        ("row", "tenant", "user", "effect", "target", "state", "next try", "failures", "why"),
        (
            (r.id, r.tenant, r.user_id, r.effect, r.target, r.state, iso(r.due_at), r.failures, r.reason)
            for r in rows
        ),
    )


@app.command()
def show(context: typer.Context, row: RowId, json: Json = False) -> None:
    """Show one row, finished or not."""
    with opened_core(context) as core, core.service.store.read() as work:
        found = _get(work, row)
    fields = row_fields(found) | {
        "tenant": found.tenant,
        "user": found.user_id,
        "createdAt": iso(found.created_at),
        "firstFailedAt": iso(found.first_failed_at),
        "finishedAt": iso(found.finished_at),
        "attempts": found.attempt,
    }
    show_json(fields) if json else show_fields(fields.items())


@app.command()
def retry(context: typer.Context, row: RowId) -> None:
    """Try a waiting or quarantined row at once, its failures forgotten."""
    with opened_core(context) as core, core.service.store.write() as work:
        now = core.service.clock.now()
        found = _get(work, row)
        if not work.outbox.make_due(row, now=now):
            raise NotFound(f"Row {row} is {found.state}; there is nothing to try again.")
        _enter(work, found, "outbox_retry", "", now)
    console.print(f"Row {row} is tried again.")


@app.command()
def skip(
    context: typer.Context,
    row: RowId,
    because: Annotated[str, typer.Option(help="Why; it stays on the user's timeline.")],
) -> None:
    """Give a row up for good."""
    with opened_core(context) as core, core.service.store.write() as work:
        now = core.service.clock.now()
        found = _get(work, row)
        if not work.outbox.skip(row, now=now):
            raise NotFound(f"Row {row} is {found.state}; it cannot be skipped.")
        _enter(work, found, "outbox_skip", because, now)
    console.print(f"Row {row} is given up.")


def _get(work: UnitOfWork, row: int) -> OutboxRow:
    found = work.outbox.get(row)
    if found is None:
        raise NotFound(f"There is no row {row}.")
    return found


def _enter(work: UnitOfWork, row: OutboxRow, action: str, reason: str, now: float) -> None:
    """What an operator does to a row stands on its user's timeline."""
    user = work.users.get(row.tenant, row.user_id)
    state = state_of(user, now)
    what = f"{row.effect} {row.target}".strip()
    work.timeline.add(
        Entry(
            tenant=row.tenant,
            user_id=row.user_id,
            at=now,
            actor=OPERATOR.name,
            source=SOURCE,
            request_id=new_request_id(),
            action=action,
            before=state,
            after=state,
            reason=f"{what}: {reason}" if reason else what,
        )
    )
