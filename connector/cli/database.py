"""``usher migrate`` and ``usher backup``: the care for the database. It owns the verbs."""

from pathlib import Path
from typing import Annotated

import typer

from connector.cli.context import invocation
from connector.cli.output import console


def migrate(context: typer.Context) -> None:
    """Bring the database up to date; several at once wait for one another."""
    from connector.store.engine import make_engines
    from connector.store.migrate import migrate as bring_up_to_date

    engines = make_engines(invocation(context).settings().database_url())
    try:
        done = bring_up_to_date(engines.write)
    finally:
        engines.dispose()
    console.print("The database is up to date." if done else "The database was up to date.")


def backup(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="The file to write; it must not be there yet.")],
) -> None:
    """Copy the SQLite database into a file, while Usher runs; keys and secrets are not in it."""
    from connector.store.backup import backup as copy_into

    copy_into(invocation(context).settings().database_url(), file)
    console.print(f"Saved as {file}. Keep keys and secrets apart from it.", markup=False, soft_wrap=True)
