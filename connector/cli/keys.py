"""``usher keys …``: the keys that mailed links are sealed with and ID tokens are signed with. It owns the
verbs; which key does what, and when, is ``foundation/key_lives.py``'s. No key is ever shown.
"""

import time
from typing import Annotated

import typer

from connector.cli.context import invocation
from connector.cli.output import console, iso, show_json, show_table
from connector.cli.users import Json
from connector.foundation.key_lives import KeyLife, Stage, Use, lives
from connector.foundation.key_rotation import rotate

app = typer.Typer(no_args_is_help=True, help="The keys of links and tokens.")

_STATES: dict[tuple[Use, Stage], str] = {
    (Use.TOKENS, Stage.NEXT): "next",
    (Use.TOKENS, Stage.CURRENT): "signing",
    (Use.TOKENS, Stage.FORMER): "published",
    (Use.TOKENS, Stage.RETIRED): "retired",
    (Use.LINKS, Stage.NEXT): "next",
    (Use.LINKS, Stage.CURRENT): "sealing",
    (Use.LINKS, Stage.FORMER): "opening",
}
"""What a key does, by what it is for and where it stands."""


@app.command("list")
def list_keys(context: typer.Context, json: Json = False) -> None:
    """List the keys, what each does, and since when."""
    found = lives(invocation(context).settings().keys, now=time.time())
    if json:
        show_json([_fields(life) for life in found])
        return
    show_table(
        ("for", "key", "algorithm", "state", "since", "published until"),
        (
            (life.use, life.name, life.algorithm, _state(life), _since(life), iso(life.until))
            for life in found
        ),
    )


@app.command("rotate")
def rotate_key(
    context: typer.Context,
    links: Annotated[bool, typer.Option("--links", help="The key of mailed links, not of tokens.")] = False,
    stolen: Annotated[
        bool,
        typer.Option(
            "--stolen",
            help="The old ones may be in wrong hands: they go at once. Whoever is on the way presses "
            "again; with --links, every link mailed so far is dead.",
        ),
    ] = False,
) -> None:
    """Make the key that takes over ten minutes from now; running servers take it by themselves."""
    use = Use.LINKS if links else Use.TOKENS
    made = rotate(invocation(context).settings().keys, use, now=time.time(), stolen=stolen)
    begins = "now" if made.stage is Stage.CURRENT else f"from {iso(made.since)} on"
    verb = "seals links" if links else "signs tokens"
    console.print(f"{made.file} {verb} {begins}.", markup=False, soft_wrap=True)
    console.print("Usher on other machines needs this file before that time.", soft_wrap=True)
    if links and stolen:
        console.print("Every link mailed so far is dead: resend the open invitations.", soft_wrap=True)


def _since(life: KeyLife) -> str:
    return iso(life.since) or "" if life.since else "the beginning"


def _state(life: KeyLife) -> str:
    return _STATES[life.use, life.stage]


def _fields(life: KeyLife) -> dict[str, str | None]:
    return {
        "use": life.use,
        "kid": life.name,
        "algorithm": life.algorithm,
        "state": _state(life),
        "since": iso(life.since) if life.since else None,
        "publishedUntil": iso(life.until),
        "file": life.file.name,
    }
