"""``usher user …``: look at portal users and act on them as an operator. It owns the verbs; what an action
does is the lifecycle's.
"""

from collections.abc import Callable
from typing import Annotated, Any

import typer

from connector.application.explain import Explanation, explain
from connector.application.service import Service
from connector.cli.context import OPERATOR, SOURCE, known_tenant, new_request_id, opened_core
from connector.cli.output import console, iso, show_json, show_table
from connector.cli.user_view import (
    Undelivered,
    details,
    entry_fields,
    entry_line,
    name_of,
    print_mails,
    print_summary,
    print_waiting,
    summary,
)
from connector.domain import commands as c
from connector.domain.document import fold
from connector.domain.errors import NotFound
from connector.domain.model import HoldKind, PortalUser, State, TenantId, UserId, state_of
from connector.domain.query import Attribute, Compare, Filter, InState, Operator, Query

app = typer.Typer(no_args_is_help=True, help="Portal users: see them, act on them.")

TenantName = Annotated[str, typer.Argument(metavar="TENANT", help="The tenant's key in the configuration.")]
UserName = Annotated[str, typer.Argument(metavar="USER", help="The user's id, or its userName.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]

_PAGE = 500


@app.command("list")
def list_users(
    context: typer.Context,
    tenant: TenantName,
    state: Annotated[list[State] | None, typer.Option(help="Only these states; may be repeated.")] = None,
    undelivered: Annotated[
        bool, typer.Option("--undelivered", help="Only those whose last mail failed or came back.")
    ] = False,
    json: Json = False,
) -> None:
    """List a tenant's users."""
    with opened_core(context) as core:
        key = known_tenant(core.settings, tenant)
        now = core.service.clock.now()
        wanted: Filter | None = InState(frozenset(state), now) if state else None
        users: list[PortalUser] = []
        with core.service.store.read() as work:
            while True:
                page = work.users.find(key, Query(filter=wanted, skip=len(users), count=_PAGE))
                users += page.items
                if not page.items or len(users) >= page.total:
                    break
            lost = Undelivered(work.mails.undeliverable(key))
        labels = core.settings.labels.get(key, {})
    if undelivered:
        users = [user for user in users if lost.word_of(user)]
    if json:
        show_json([summary(user, now) | {"undelivered": lost.word_of(user)} for user in users])
        return
    show_table(
        ("id", "userName", "name", "state", "invited", "expires", "mail"),
        (
            (
                user.id,
                user.profile.user_name,
                name_of(user.profile),
                labels.get(state_of(user, now), state_of(user, now)),
                iso(user.invitation.sent_at) if user.invitation else "",
                iso(user.invitation.expires_at) if user.invitation else "",
                lost.word_of(user),
            )
            for user in users
        ),
    )


@app.command()
def show(context: typer.Context, tenant: TenantName, user: UserName, json: Json = False) -> None:
    """Show one user: its state, its invitation, and what waits."""
    found = _explained(context, tenant, user)
    if json:
        show_json(summary(found.user, found.now) | details(found))
        return
    print_summary(found)
    print_mails(found.mails)
    print_waiting(found.waiting)


@app.command("explain")
def explain_user(context: typer.Context, tenant: TenantName, user: UserName, json: Json = False) -> None:
    """Show why a user is what it is: everything that happened, and what waits."""
    found = _explained(context, tenant, user)
    if json:
        rest = details(found) | {"timeline": [entry_fields(entry) for entry in found.timeline]}
        show_json(summary(found.user, found.now) | rest)
        return
    print_summary(found)
    console.print("\n[bold]What happened[/bold]")
    show_table(
        ("when", "who", "by way of", "request", "action", "state", "why / what"),
        (entry_line(entry) for entry in found.timeline),
    )
    print_mails(found.mails)
    print_waiting(found.waiting)


@app.command()
def invite(context: typer.Context, tenant: TenantName, user: UserName) -> None:
    """Send a draft its first invitation."""
    _act(context, tenant, user, c.Invite)


@app.command()
def resend(context: typer.Context, tenant: TenantName, user: UserName, yes: Yes = False) -> None:
    """Send a pending or expired user a new link; the old one dies."""
    _act(context, tenant, user, c.Resend, yes=yes)


@app.command("reset-access")
def reset_access(context: typer.Context, tenant: TenantName, user: UserName, yes: Yes = False) -> None:
    """Give an expired user a new link."""
    _act(context, tenant, user, c.ResetAccess, yes=yes)


@app.command("revoke-invitation")
def revoke_invitation(context: typer.Context, tenant: TenantName, user: UserName, yes: Yes = False) -> None:
    """Withdraw a user's invitation."""
    _act(context, tenant, user, c.RevokeInvitation, yes=yes)


@app.command()
def disable(context: typer.Context, tenant: TenantName, user: UserName, yes: Yes = False) -> None:
    """Take an active user's access away."""
    _act(context, tenant, user, c.Disable, yes=yes)


@app.command()
def enable(context: typer.Context, tenant: TenantName, user: UserName, yes: Yes = False) -> None:
    """Lift what an operator may lift; says what remains."""
    _act(context, tenant, user, c.Enable, yes=yes)


@app.command()
def hold(context: typer.Context, tenant: TenantName, user: UserName, yes: Yes = False) -> None:
    """Keep a user out for security, in any state, until `release` lifts it by name."""
    _act(context, tenant, user, c.PutHold, yes=yes, kind=HoldKind.SECURITY)


@app.command()
def release(
    context: typer.Context,
    tenant: TenantName,
    user: UserName,
    kind: Annotated[HoldKind, typer.Argument(help="The hold's kind.")],
    source: Annotated[str, typer.Argument(help="The hold's source, as `user show` names it.")] = SOURCE,
) -> None:
    """Lift one hold by name."""
    _act(context, tenant, user, c.Release, kind=kind, hold_source=source)


@app.command("reset-password")
def reset_password(context: typer.Context, tenant: TenantName, user: UserName, yes: Yes = False) -> None:
    """Have Keycloak mail an active user a link to a new password."""
    _act(context, tenant, user, c.ResetPassword, yes=yes)


@app.command()
def delete(context: typer.Context, tenant: TenantName, user: UserName, yes: Yes = False) -> None:
    """Remove a user, as the tenant's policy says."""
    _act(context, tenant, user, c.Delete, yes=yes)


@app.command()
def restore(context: typer.Context, tenant: TenantName, user: UserName) -> None:
    """Bring a deleted user back within the grace period; a new invitation is needed."""
    _act(context, tenant, user, c.Restore)


# --- acting ----------------------------------------------------------------------------------------


def _act(
    context: typer.Context,
    tenant: str,
    user: str,
    asked: Callable[..., c.Command],
    *,
    yes: bool = True,
    **values: Any,
) -> None:
    with opened_core(context) as core:
        key = known_tenant(core.settings, tenant)
        found = _find(core.service, key, user)
        command = asked(
            tenant=key,
            user_id=found.id,
            actor=OPERATOR,
            source=SOURCE,
            request_id=new_request_id(),
            **values,
        )
        if command.action in core.service.tenant(key).policy.confirm and not yes:
            typer.confirm(f"{command.action}: {found.profile.user_name} of {tenant}?", abort=True)
        after = core.service.handle(command)
        state = state_of(after, core.service.clock.now())
    held = ", ".join(sorted(f"{one.kind} ({one.source})" for one in after.holds))
    console.print(
        f"{found.profile.user_name}: {state}" + (f", held by {held}" if held else ""), markup=False
    )


def _find(service: Service, tenant: TenantId, name: str) -> PortalUser:
    """The user of an id or a userName; if no living one has the name, the one that was deleted last.

    :raises NotFound: there is none in this tenant.
    """
    by_name = Compare(Attribute.USER_NAME, Operator.EQ, fold(name))
    with service.store.read() as work:
        found = work.users.get(tenant, UserId(name))
        if found is None:
            living = work.users.find(tenant, Query(filter=by_name, count=1)).items
            found = living[0] if living else work.users.removed(tenant, name)
    if found is None:
        raise NotFound(f"There is no user {name!r} in {tenant}. `usher user list {tenant}` shows them.")
    return found


def _explained(context: typer.Context, tenant: str, user: str) -> Explanation:
    with opened_core(context) as core:
        key = known_tenant(core.settings, tenant)
        return explain(core.service, key, _find(core.service, key, user).id)
