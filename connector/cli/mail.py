"""``usher mail …``: what mail systems have to tell Usher. It owns the verb's exit codes, which are those
that mail servers go by (sysexits.h); what a report means is ``application/bounces.py``'s.
"""

import sys
from typing import BinaryIO

import typer

from connector.application.bounces import Bounces
from connector.cli.context import new_request_id, opened_core
from connector.cli.output import console, errors
from connector.domain.errors import UsherError

app = typer.Typer(no_args_is_help=True, help="What mail systems tell Usher.")

TRY_AGAIN = 75
"""EX_TEMPFAIL: the mail server keeps the message and hands it in again."""

_PIECE = 64 * 1024


@app.command()
def bounce(context: typer.Context) -> None:
    """Take one message from standard input and write down whose mail came back; exits 0, or 75 to be called
    again with the same message.
    """
    from connector.mail.bounces import read_report

    report = read_report(_read(sys.stdin.buffer))
    if report is None:
        console.print("No report of a lost mail; nothing to do.")
        return
    try:
        with opened_core(context) as core:
            is_ours = Bounces(core.service).take(report, request_id=new_request_id())
    except UsherError as error:
        errors.print(str(error), markup=False, soft_wrap=True)
        raise typer.Exit(TRY_AGAIN) from None
    console.print("Written down." if is_ours else "It is of no mail of ours; nothing to do.")


def _read(source: BinaryIO) -> bytes:
    """The beginning of a message. All of it is read: a mail server that cannot get rid of the rest might
    take that for a failure.
    """
    from connector.mail.bounces import LONGEST

    data = source.read(LONGEST)
    while source.read(_PIECE):
        pass
    return data
