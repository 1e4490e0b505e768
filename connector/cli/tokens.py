"""``usher token …``: bearer tokens for SCIM callers. It owns the verbs; a token is shown once."""

from typing import Annotated

import typer

from connector.application.tokens import create_token
from connector.cli.context import known_tenant, opened_core
from connector.cli.output import console, iso, show_json, show_table
from connector.cli.users import Json, TenantName
from connector.domain.errors import NotFound
from connector.foundation.config_values import parse_duration

app = typer.Typer(no_args_is_help=True, help="Bearer tokens for SCIM callers.")


@app.command()
def create(
    context: typer.Context,
    tenant: TenantName,
    name: Annotated[str, typer.Option(help="The connection's name; it owns the holds that it puts.")],
    scope: Annotated[str, typer.Option(help="scim, or scim:read to read alone.")] = "scim",
    life: Annotated[str, typer.Option(help="How long it is good: 365d, 12h, never.")] = "365d",
) -> None:
    """Make a token and print it, alone, this once."""
    with opened_core(context) as core:
        key = known_tenant(core.settings, tenant)
        made = create_token(core.service, key, name=name, scope=scope, life=_seconds(life))
    typer.echo(made)


@app.command("list")
def list_tokens(
    context: typer.Context,
    tenant: Annotated[str | None, typer.Argument(metavar="[TENANT]")] = None,
    json: Json = False,
) -> None:
    """List tokens; never their values."""
    with opened_core(context) as core:
        key = known_tenant(core.settings, tenant) if tenant else None
        with core.service.store.read() as work:
            tokens = work.tokens.list(key)
    fields = [
        {
            "id": token.id,
            "tenant": token.tenant,
            "name": token.name,
            "scope": token.scope,
            "createdAt": iso(token.created_at),
            "expiresAt": iso(token.expires_at) or "never",
            "revokedAt": iso(token.revoked_at),
            "lastUsedAt": iso(token.last_used_at),
        }
        for token in tokens
    ]
    if json:
        show_json(fields)
        return
    show_table(
        ("id", "tenant", "name", "scope", "created", "expires", "revoked", "last used"),
        (tuple(field.values()) for field in fields),
    )


@app.command()
def revoke(
    context: typer.Context,
    tenant: TenantName,
    token: Annotated[str, typer.Argument(metavar="ID", help="The token's id, as `token list` shows it.")],
) -> None:
    """End a token; callers that use it are refused at once."""
    with opened_core(context) as core:
        key = known_tenant(core.settings, tenant)
        with core.service.store.write() as work:
            if not work.tokens.revoke(key, token, now=core.service.clock.now()):
                raise NotFound(f"{tenant} has no live token {token!r}.")
    console.print(f"Token {token} is revoked.")


def _seconds(life: str) -> float | None:
    """:raises typer.BadParameter: it is no duration."""
    try:
        return None if life == "never" else parse_duration(life)
    except ValueError as error:
        raise typer.BadParameter(f"{error}, or never", param_hint="--life") from error
