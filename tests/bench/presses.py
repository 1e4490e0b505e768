"""How long an invited person waits from the press of the button until Keycloak's page is there, and whose
time that is. It owns the walk and the stopwatch; what happens on the way is the product's.

The whole hand-over runs: the press with the account's preparation, the probe, our provider's two endpoints,
Keycloak's own redirects and its page.
"""

import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import count, islice
from threading import Lock, local
from typing import Any

import requests

from connector.bootstrap import Core, make_app, make_links, make_worker
from connector.demo.inbox import running_inbox
from connector.demo.process import free_port
from connector.demo.sites import SITES, Site
from connector.demo.web import HOST, serving
from connector.domain.model import PortalUser, TenantId
from connector.foundation.links import InvitationLinks
from tests.bench.place import Place, configured, opened
from tests.bench.table import Aim, prose, spread, table, verdicts
from tests.bench.work import create
from tests.support.person import Person
from tests.support.realms import REALM

WARMING = 10
"""Presses before the first that counts: Keycloak compiles what it runs often."""


@dataclass(frozen=True, slots=True)
class Wait:
    """One press, in milliseconds: all of it, and the part in which our own code was at work."""

    whole: float
    ours: float

    @property
    def others(self) -> float:
        """Keycloak's part, the scripted browser's included."""
        return self.whole - self.ours


class Stopwatch:
    """A WSGI layer that adds up the seconds of our requests, without what they waited for Keycloak."""

    def __init__(self, app: Any) -> None:
        self._app = app
        self._of_thread = local()
        self._lock = Lock()
        self.seconds = 0.0

    def __call__(self, environ: Any, start_response: Any) -> Any:
        self._of_thread.waited = 0.0
        begun = time.perf_counter()
        try:
            return self._app(environ, start_response)
        finally:
            taken = time.perf_counter() - begun - self._of_thread.waited
            del self._of_thread.waited
            with self._lock:
                self.seconds += taken

    @contextmanager
    def running(self) -> Iterator[None]:
        """Notice each request to Keycloak, which all go through one function."""
        send = requests.Session.send

        def noticed(session: requests.Session, request: Any, **how: Any) -> requests.Response:
            begun = time.perf_counter()
            try:
                return send(session, request, **how)
            finally:
                if hasattr(self._of_thread, "waited"):
                    self._of_thread.waited += time.perf_counter() - begun

        requests.Session.send = noticed  # type: ignore[method-assign, assignment]
        try:
            yield
        finally:
            requests.Session.send = send  # type: ignore[method-assign]


def presses_section(place: Place, *, quick: bool) -> list[str]:
    """Measure on each database and for each way to prove the mailbox; the lines of the document."""
    presses = 5 if quick else 150
    found = _measured(place, presses)
    return [
        "## From the press to Keycloak's page",
        "",
        *prose(
            f"""Milliseconds until Keycloak's first page is there, after somebody who was never here pressed
            the invitation's button: {presses} presses each, one after another, through all redirects. Ours
            is the time in our own code, database included; Keycloak's all the rest: its Admin API, its
            redirects and pages, here also its mail to a local SMTP server, and the scripted browser. There
            is no network between them."""
        ),
        "",
        *table(
            ["", "the mailbox is proven by", "p50", "p95", "ours p50", "ours p95", "Keycloak's p50"],
            (_row(name, way, waits) for (name, way), waits in found.items()),
        ),
        "",
        *verdicts(
            Aim(f"{name}, proven by {way}: ours ≤ 50 ms at the median", _ours(waits)[0], at_most=50.0)
            for (name, way), waits in found.items()
        ),
    ]


def _row(name: str, way: str, waits: list[Wait]) -> list[str]:
    whole, ours = spread([wait.whole for wait in waits]), _ours(waits)
    others, _ = spread([wait.others for wait in waits])
    return [name, way, *(f"{figure:.0f}" for figure in (*whole, *ours, others))]


def _ours(waits: list[Wait]) -> tuple[float, float]:
    return spread([wait.ours for wait in waits])


def _measured(place: Place, presses: int) -> dict[tuple[str, str], list[Wait]]:
    with ExitStack() as stack:
        inbox, port = stack.enter_context(running_inbox()), free_port()
        folder, _ = stack.enter_context(
            place.realm("presses", public_url=f"http://{HOST}:{port}", mail_port=inbox.port)
        )
        waits: dict[tuple[str, str], list[Wait]] = {}
        people = count()
        for name, kind in place.databases.items():
            with opened(configured(folder, database=kind.migrated(), tenants=_tenants())) as core:
                for site in SITES:
                    numbers = islice(people, presses + WARMING)
                    way = "Keycloak" if site.mails_twice else "the invitation"
                    waits[name, way] = _presses(core, site, numbers, port)[WARMING:]
            kind.forget()
    return waits


def _tenants() -> dict[str, Any]:
    """The demo's two, in the bench's realm."""
    return {site.tenant: {"realm": REALM, **site.configuration(f"http://{HOST}:9")} for site in SITES}


def _presses(core: Core, site: Site, numbers: Iterable[int], port: int) -> list[Wait]:
    """One press of each of so many new people."""
    users = create(core.service, numbers, TenantId(site.tenant))
    make_worker(core).drain()
    links, app = make_links(core), make_app(core)
    watch = Stopwatch(app.wsgi_app)
    app.wsgi_app = watch  # type: ignore[method-assign]
    with serving(app, port) as origin, watch.running():
        return [_press(watch, origin, _link(links, user), site) for user in users]


def _link(links: InvitationLinks, user: PortalUser) -> str:
    assert user.invitation is not None
    return links.invitation(user.invitation.id, user.invitation.generation)


def _press(watch: Stopwatch, origin: str, link: str, site: Site) -> Wait:
    person = Person(origin)
    landing = person.open(link)
    before, begun = watch.seconds, time.perf_counter()
    seen = person.press(landing)
    whole, ours = time.perf_counter() - begun, watch.seconds - before
    shown = ('name="password-new"' in seen.page.text, seen.status)
    assert shown == (not site.mails_twice, 200), seen.text
    return Wait(whole=1000 * whole, ours=1000 * ours)
