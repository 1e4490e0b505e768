"""The SCIM door of an installation: ``usher run`` or ``usher serve`` as a process, and somebody who writes
through it. It owns the process and the token; what is written is journaled like everything else.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any

import requests

from connector.demo.process import free_port
from connector.demo.scim import create_body
from tests.faults.changes import name_of
from tests.faults.installation import Installation
from tests.faults.journal import Fate, Line
from tests.faults.processes import Process, wait_until

SECONDS = 20.0


@dataclass(slots=True)
class Door:
    """An address and a token. ``seconds`` keeps how long each answer took."""

    installation: Installation
    port: int
    management: int
    token: str
    seconds: list[float] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/scim/acme/v2/Users"

    def create(self, number: int) -> str | None:
        """A numbered user; the id, None if there was no answer or a 503."""
        answer = self.ask_to_create(number)
        if answer is None or answer.status_code == 503:
            return None
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    def ask_to_create(self, number: int) -> requests.Response | None:
        """The answer, journaled if it is a 201; None if there was none."""
        name = name_of(self.installation.prefix, number)
        request = f"{self.installation.prefix}door-{number}"
        answer = self._post(create_body(name, "Ada", request), request)
        if answer is not None and answer.status_code == 201:
            user = answer.json()["id"]
            line = Line(fate=Fate.ANSWERED, request=request, user=user, action="create")
            self.installation.journal.write(replace(line, version=1, changed=True))
        return answer

    def _post(self, body: dict[str, Any], request: str) -> requests.Response | None:
        headers = {"Authorization": f"Bearer {self.token}", "X-Request-ID": request, "Connection": "close"}
        began = time.monotonic()
        try:
            answer = requests.post(self.url, json=body, headers=headers, timeout=SECONDS)
        except requests.RequestException:
            return None
        self.seconds.append(time.monotonic() - began)
        return answer

    def readiness(self) -> int:
        """What ``/readyz`` answers."""
        return requests.get(f"http://127.0.0.1:{self.management}/readyz", timeout=5).status_code

    def is_open(self) -> bool:
        """Whether somebody answers."""
        with suppress(requests.RequestException):
            return requests.get(self.url, timeout=2).status_code == 401
        return False


def door_of(installation: Installation) -> Door:
    """The door, with a token; nobody is behind it yet."""
    token = installation.usher("token", "create", "acme", "--name", "entra").stdout.strip()
    return Door(installation, free_port(), free_port(), token)


@contextmanager
def opened(door: Door, verb: str = "run") -> Iterator[Process]:
    """Somebody behind the door; killed at the end if nobody did it before."""
    words = ["--port", str(door.port), "--management-port", str(door.management)]
    process = door.installation.start(verb, *words, name=verb)
    try:
        wait_until(lambda: door.is_open() or process.exit_code is not None, 30.0, f"usher {verb}")
        assert process.exit_code is None, process.tail()
        yield process
    finally:
        process.kill()
        wait_until(lambda: not door.is_open(), 10.0, "the web process ends with its parent")
