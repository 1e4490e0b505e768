"""``usher healthcheck``: asks a running Usher whether it is ready, for whatever watches its container. It
owns how it is asked; what ready means is ``operation/readiness.py``'s.
"""

import json
from typing import Annotated, Any
from urllib.error import HTTPError
from urllib.request import ProxyHandler, build_opener

import typer

from connector.cli.context import invocation
from connector.cli.output import console, errors
from connector.foundation.config import ConfigError, load

PATIENCE = 10.0
"""Seconds to wait for the answer."""

ManagementPort = Annotated[
    int | None,
    typer.Option(
        "--management-port", help="Instead of management.port of the configuration.", min=0, max=65535
    ),
]


def healthcheck(context: typer.Context, management_port: ManagementPort = None) -> None:
    """Ask the running Usher whether it is ready: exit code 0 if it is, else 1, and why not."""
    settings = load(invocation(context).path()).management
    port = settings.port if management_port is None else management_port
    if port == 0:
        raise ConfigError.of("is 0: there is nothing to ask", where="management.port")
    _tell(_asked(settings.host, port))


def _asked(host: str, port: int) -> dict[str, Any]:
    """What ``/readyz`` says, whatever its status.

    :raises typer.Exit: nothing answered, or something else than Usher.
    """
    from connector.operation.readiness import reachable

    url = f"http://{reachable(host)}:{port}/readyz"
    try:
        with build_opener(ProxyHandler({})).open(url, timeout=PATIENCE) as answer:
            found = json.load(answer)
    except HTTPError as error:
        found = _json_of(error)
    except (OSError, ValueError):
        found = None
    if not isinstance(found, dict) or "ready" not in found:
        errors.print(f"Nothing answers as Usher does at {url}.")
        raise typer.Exit(1)
    return found


def _json_of(answer: HTTPError) -> Any:
    try:
        return json.load(answer)
    except ValueError:
        return None


def _tell(found: dict[str, Any]) -> None:
    for name, why in found.get("failed", {}).items():
        errors.print(f"{name}: {why}", markup=False, highlight=False, soft_wrap=True)
    if not found["ready"]:
        raise typer.Exit(1)
    away = ", ".join(found.get("degraded", []))
    console.print(f"Ready. Away: {away}." if away else "Ready.", markup=False, soft_wrap=True)
