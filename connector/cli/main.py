"""The command line: every verb of ``usher``. It owns names, options and exit codes: 0 done, 1 failed, 2
wrong use or configuration.
"""

import os
import sys
import threading
from pathlib import Path
from typing import Annotated

import typer

from connector.cli import (
    database,
    healthcheck,
    keycloak,
    keys,
    mail,
    outbox,
    servers,
    template,
    tokens,
    users,
)
from connector.cli.context import Invocation, invocation
from connector.cli.output import console, errors, show_json
from connector.domain.errors import Refused, UsherError
from connector.foundation.config import ConfigError, json_schema

DONE, FAILED, WRONG_USE = 0, 1, 2

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Usher provisions portal users from SCIM into Keycloak and invites them in their tenant's brand.",
)
config_app = typer.Typer(no_args_is_help=True, help="The configuration file.")
app.add_typer(config_app, name="config")
app.add_typer(users.app, name="user")
app.add_typer(outbox.app, name="outbox")
app.add_typer(mail.app, name="mail")
app.add_typer(template.app, name="template")
app.add_typer(tokens.app, name="token")
app.add_typer(keycloak.app, name="keycloak")
app.add_typer(keys.app, name="keys")
app.command()(servers.serve)
app.command()(servers.worker)
app.command()(servers.run)
app.command()(healthcheck.healthcheck)
app.command()(database.migrate)
app.command()(database.backup)


@app.callback()
def before(
    context: typer.Context,
    config: Annotated[
        Path | None, typer.Option("--config", "-c", envvar="USHER_CONFIG", help="The configuration file.")
    ] = None,
) -> None:
    """What stands before every verb."""
    context.obj = Invocation(config=config)


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Made if it is not there.")],
    tenant: Annotated[str, typer.Option(help="The first tenant's key.")] = "acme",
) -> None:
    """Write a configuration to begin with, and keys; never overwrites."""
    from connector.foundation.config_initial import write_initial

    written = write_initial(folder, tenant)
    console.print(f"Written: {written}")
    console.print(f"Next: read it, then  usher --config {written} config check", soft_wrap=True)


@config_app.command()
def check(context: typer.Context) -> None:
    """Check the configuration; prints every fault with its file and line, and which secrets are missing."""
    path = invocation(context).path()
    settings = invocation(context).settings(templates=True)
    console.print(f"{path}: no fault found.", soft_wrap=True)
    if missing := settings.missing_secrets():
        console.print(
            f"Not there yet: {', '.join(missing)}. `usher keycloak apply` makes Keycloak's.",
            soft_wrap=True,
            markup=False,
        )


@config_app.command()
def schema() -> None:
    """Print the JSON Schema of the configuration file."""
    show_json(json_schema())


@config_app.command()
def show(context: typer.Context) -> None:
    """Print the settings in force, defaults and presets included, without secrets."""
    show_json(invocation(context).settings().show())


@app.command()
def demo(
    check: Annotated[
        bool, typer.Option("--check", help="Run the journey unattended; exits 0 or 1.")
    ] = False,
    shots: Annotated[Path | None, typer.Option(help="Save a screenshot of each page here.")] = None,
    data: Annotated[Path | None, typer.Option(help="Keep the demo's files here.")] = None,
) -> None:
    """Show everything on this machine: a real Keycloak, an inbox, a sample portal."""
    from connector.demo.run import demo as run_demo

    raise typer.Exit(run_demo(check=check, shots=shots, data=data))


def main() -> None:
    """Run the command line; ends the process."""
    try:
        app()
    except ConfigError as error:
        for fault in error.faults:
            errors.print(str(fault), markup=False, highlight=False, soft_wrap=True)
        sys.exit(WRONG_USE)
    except Refused as refusal:
        errors.print(f"Refused ({refusal.reason}): {refusal.hint}", markup=False, soft_wrap=True)
        if refusal.owners:
            errors.print(f"Held by: {', '.join(refusal.owners)}.", markup=False, soft_wrap=True)
        sys.exit(FAILED)
    except UnicodeError:
        errors.print("An argument is not text in UTF-8.")
        sys.exit(WRONG_USE)
    except UsherError as error:
        errors.print(str(error), markup=False, soft_wrap=True)
        sys.exit(FAILED)


def process() -> None:
    """The command line as a process of its own. A thread that still hangs (an effect that outlived its
    time, a database that says nothing) must not keep it: the interpreter's own end could wait for one.
    """
    status = 0
    try:
        main()
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else FAILED if end.code else 0
    if threading.active_count() == 1:
        sys.exit(status)
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(status)
