"""What must hold for this process to be ready: a table of checks for the management port. It owns what each
looks at; a Keycloak or mail server that is away is none of them, since work for it queues.
"""

from collections.abc import Callable
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import ProxyHandler, build_opener

from connector.foundation.config import ServerSettings
from connector.foundation.keys import load_link_keys, load_signing_keys
from connector.foundation.management import Check
from connector.foundation.paths import ALIVE

WEB_PATIENCE = 5.0
"""Seconds within which the web process must say that it is there."""

_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 (compared, not listened on)


def checks_of(
    *,
    revision: Callable[[], str | None],
    head: str,
    keys: Path,
    stopping: Callable[[], bool],
    web: ServerSettings | None,
) -> dict[str, Check]:
    """The checks of one process.

    :param revision: reads the schema's revision; raises if the database does not answer.
    :param head: the revision that this version works with; it works with newer ones too, so that a
        database can be brought up to date before the processes are replaced.
    :param web: where our web process listens, None if there is none.
    """
    checks: dict[str, Check] = {
        "database": lambda: _tried(revision),
        "schema": lambda: _reaches(revision(), head),
        "keys": lambda: _tried(lambda: (load_link_keys(keys), load_signing_keys(keys))),
        "stopping": lambda: "Usher is being stopped." if stopping() else None,
    }
    if web is not None:
        checks["web"] = lambda: _answers(web)
    return checks


def _tried(look: Callable[[], object]) -> None:
    """What raises says itself what is wrong."""
    look()


def _reaches(found: str | None, head: str) -> str | None:
    if found is not None and found >= head:
        return None
    return f"The schema is at revision {found}, not {head}: run `usher migrate`."


def _answers(web: ServerSettings) -> str | None:
    host = reachable(web.host)
    opener = build_opener(ProxyHandler({}))
    try:
        with opener.open(f"http://{host}:{web.port}{ALIVE}", timeout=WEB_PATIENCE):
            return None
    except HTTPError as error:
        return f"The web process answers {error.code}."
    except OSError:
        return "The web process does not answer."


def reachable(host: str) -> str:
    """A listener's host as a caller on this machine names it in a URL."""
    here = _EVERYWHERE.get(host, host)
    return f"[{here}]" if ":" in here else here
