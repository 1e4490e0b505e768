"""``usher outbox …``: what waits, what is in quarantine and why, and what an operator does about it. It
owns the verbs; what a deed is, is ``application/quarantine.py``'s.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from connector.application.quarantine import AT_ONCE, Quarantine, Who
from connector.application.records import OutboxRow, Sink
from connector.cli.context import OPERATOR, SOURCE, new_request_id, opened_core
from connector.cli.output import console, iso, show_fields, show_json, show_table
from connector.cli.user_view import row_fields
from connector.cli.users import Json
from connector.domain.errors import NotFound, reasons

if TYPE_CHECKING:
    from connector.bootstrap import Core

app = typer.Typer(no_args_is_help=True, help="What must still happen outside.")

RowId = Annotated[
    int,
    typer.Argument(
        metavar="ROW", help="The row's number, as `outbox list` shows it.", min=1, max=2**63 - 1
    ),
]


def _known_reason(reason: str | None) -> str | None:
    if reason is not None and reason not in reasons():
        raise typer.BadParameter(f"There is no such reason. Known: {', '.join(sorted(reasons()))}.")
    return reason


Reason = Annotated[str | None, typer.Option(help="Rows that wait for this reason.", callback=_known_reason)]
SinkName = Annotated[str | None, typer.Option("--sink", help="Rows for this other side: keycloak:main.")]


class RowState(StrEnum):
    """The states of a row that is not finished."""

    READY = "ready"
    RUNNING = "running"
    QUARANTINED = "quarantined"


# --- looking ---------------------------------------------------------------------------------------


@app.command("list")
def list_rows(
    context: typer.Context,
    state: Annotated[RowState | None, typer.Option(help="Rows in this state.")] = None,
    reason: Reason = None,
    sink: SinkName = None,
    planned: Annotated[
        bool, typer.Option("--planned", help="Also expiries, reminders and looks that are not due yet.")
    ] = False,
    limit: Annotated[int, typer.Option(help="At most so many rows.", min=1, max=10_000)] = 100,
    json: Json = False,
) -> None:
    """List what is not finished, oldest first."""
    with opened_core(context) as core, core.service.store.read() as work:
        due_by = 0.0 if planned else core.clock.now()
        rows = work.outbox.list(state=state, reason=reason, sink=sink, due_by=due_by, limit=limit)
        away = work.sinks.all()
    if json:
        show_json([row_fields(row) | {"tenant": row.tenant, "user": row.user_id} for row in rows])
        return
    _show_rows(rows)
    if away:
        names = ", ".join(one.name for one in away)
        console.print(f"\nAway: {names}. See `usher outbox sinks`.", markup=False, soft_wrap=True)


def _show_rows(rows: Sequence[OutboxRow]) -> None:
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
        found = work.outbox.get(row)
    if found is None:
        raise NotFound(f"There is no row {row}.")
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
def sinks(context: typer.Context, json: Json = False) -> None:
    """List the other sides that are away: since when, why, and when the next try is."""
    with opened_core(context) as core, core.service.store.read() as work:
        away = [_sink_fields(sink) for sink in work.sinks.all()]
    if json:
        show_json(away)
        return
    show_table(
        ("sink", "away since", "next try", "times", "why", "detail"),
        (tuple(fields.values()) for fields in away),
    )


def _sink_fields(sink: Sink) -> dict[str, object]:
    return {
        "sink": sink.name,
        "awaySince": iso(sink.opened_at),
        "nextTry": iso(sink.open_until),
        "times": sink.openings,
        "reason": sink.reason,
        "detail": sink.detail,
    }


# --- acting ----------------------------------------------------------------------------------------


@app.command()
def retry(
    context: typer.Context,
    row: Annotated[
        int | None,
        typer.Argument(metavar="[ROW]", help="One row, waiting or in quarantine.", min=1, max=2**63 - 1),
    ] = None,
    reason: Annotated[
        str | None, typer.Option(help="All in quarantine for this reason.", callback=_known_reason)
    ] = None,
    sink: Annotated[str | None, typer.Option(help="All in quarantine for this other side.")] = None,
) -> None:
    """Try again at once, failures forgotten: one row, or all in quarantine for a reason or a sink."""
    if sum(given is not None for given in (row, reason, sink)) != 1:
        raise typer.BadParameter("Name exactly one of ROW, --reason and --sink.")
    with opened_core(context) as core:
        deeds = _deeds(core)
        if row is not None:
            deeds.retry(row)
            console.print(f"Row {row} is tried again.")
            return
        count = deeds.retry_all(reason=reason, sink=sink)
        is_hurried = sink is not None and deeds.hurry(sink)
    if is_hurried:
        console.print(f"{sink} was away; it is tried now.", markup=False, soft_wrap=True)
    console.print("Nothing in quarantine fits." if count == 0 else f"Tried again: {count}.")
    if count == AT_ONCE:
        console.print("There may be more: repeat this.")


@app.command()
def skip(
    context: typer.Context,
    row: RowId,
    because: Annotated[str, typer.Option(help="Why; it stays on the user's timeline.")],
) -> None:
    """Give a row up for good."""
    with opened_core(context) as core:
        skipped = _deeds(core).skip(row, because)
        with core.service.store.read() as work:
            behind = [one for one in work.outbox.open_rows(skipped.tenant, skipped.user_id) if one.id > row]
    console.print(f"Row {row} is given up.")
    if behind:
        what = ", ".join(f"{one.what} (row {one.id})" for one in behind)
        console.print(f"Still to come for this user: {what}.", markup=False, soft_wrap=True)


def _deeds(core: "Core") -> Quarantine:
    who = Who(actor=OPERATOR.name, source=SOURCE, request_id=new_request_id())
    return Quarantine(core.service, who)
