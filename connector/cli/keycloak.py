"""``usher keycloak …``: the realm settings that Usher needs. It owns the verbs; what is wanted of a realm
is ``connector/keycloak/setup``'s.
"""

import os
from typing import Annotated

import typer

from connector.cli.context import invocation
from connector.cli.output import console, show_json
from connector.cli.users import Json, Yes
from connector.domain.errors import UsherError
from connector.foundation.config import ConfigError, Settings
from connector.keycloak.setup.removal import KEPT
from connector.keycloak.setup.run import SetupAccess, apply, plan, plan_removal, remove
from connector.keycloak.setup.steps import Change

app = typer.Typer(no_args_is_help=True, help="The realm settings that Usher needs at Keycloak.")

NOTHING, CHANGES, FAILED = 0, 2, 1

Realm = Annotated[str | None, typer.Argument(metavar="[REALM]", help="The realm's key; all if left out.")]
Admin = Annotated[
    str | None,
    typer.Option(
        "--admin",
        help="Do it as this administrator of the master realm instead of the set-up account; "
        "the password comes from USHER_ADMIN_PASSWORD.",
    ),
]
CreateRealm = Annotated[bool, typer.Option("--create-realm", help="Make the realm if it is not there.")]


@app.command("plan")
def plan_realm(
    context: typer.Context,
    realm: Realm = None,
    admin: Admin = None,
    create_realm: CreateRealm = False,
    json: Json = False,
) -> None:
    """Say what `apply` would change. Exits 0: nothing; 2: changes; 1: it could not be found out."""
    try:
        settings = invocation(context).settings()
        changes = {
            key: plan(settings, key, _access(admin), create_realm=create_realm)
            for key in _keys(settings, realm)
        }
    except UsherError as error:
        console.print(str(error), markup=False, soft_wrap=True)
        raise typer.Exit(FAILED) from error
    _show(changes, "would change", as_json=json)
    raise typer.Exit(CHANGES if any(changes.values()) else NOTHING)


@app.command("apply")
def apply_realm(
    context: typer.Context,
    realm: Realm = None,
    admin: Admin = None,
    create_realm: CreateRealm = False,
    json: Json = False,
) -> None:
    """Make the realm as Usher needs it. Applying again changes nothing."""
    settings = invocation(context).settings()
    changes = {
        key: apply(settings, key, _access(admin), create_realm=create_realm)
        for key in _keys(settings, realm)
    }
    _show(changes, "changed", as_json=json)


@app.command("remove")
def remove_realm(
    context: typer.Context,
    realm: Annotated[str, typer.Argument(metavar="REALM", help="The realm's key.")],
    admin: Annotated[
        str,
        typer.Option(
            "--admin",
            help="An administrator of the master realm; the password comes from USHER_ADMIN_PASSWORD.",
        ),
    ],
    yes: Yes = False,
    json: Json = False,
) -> None:
    """Take out of the realm what `apply` made there, after saying what that is. Nobody can be invited into
    it any more, and Usher reaches none of its accounts.
    """
    settings = invocation(context).settings()
    (key,) = _keys(settings, realm)
    access = _administrator(admin)
    planned = plan_removal(settings, key, access)
    if planned and not yes:
        _show({key: planned}, "would lose", as_json=False)
        console.print(KEPT)
        typer.confirm(f"Remove all this from realm {key}?", abort=True)
    _show({key: remove(settings, key, access)}, "lost", as_json=json, nothing="has nothing of ours.")


def _keys(settings: Settings, realm: str | None) -> list[str]:
    if realm is None:
        return sorted(settings.realms)
    if realm not in settings.realms:
        known = ", ".join(sorted(settings.realms))
        raise ConfigError.of(f"There is no realm {realm!r}. Known: {known}.", where="keycloak.realms")
    return [realm]


def _access(admin: str | None) -> SetupAccess | None:
    return None if admin is None else _administrator(admin)


def _administrator(admin: str) -> SetupAccess:
    password = os.environ.get("USHER_ADMIN_PASSWORD")
    if not password:
        raise ConfigError.of("--admin needs the password in the environment: set USHER_ADMIN_PASSWORD.")
    return SetupAccess(user=admin, password=password)


def _show(
    changes: dict[str, list[Change]],
    verb: str,
    *,
    as_json: bool,
    nothing: str = "everything is as it must be.",
) -> None:
    if as_json:
        show_json({key: [str(change) for change in found] for key, found in changes.items()})
        return
    for key, found in changes.items():
        if not found:
            console.print(f"Realm {key}: {nothing}")
            continue
        console.print(f"Realm {key} {verb}:")
        for change in found:
            console.print(f"  {change}", markup=False, soft_wrap=True)
