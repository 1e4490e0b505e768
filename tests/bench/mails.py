"""How many invitations a minute are rendered and handed to a mail server, beside smtplib alone, which sends
the same mails ready-made. It owns this race and the server that takes all of them.
"""

import smtplib
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from connector.application.records import Mail
from connector.bootstrap import make_mailer, make_renderer
from connector.demo.process import free_port
from connector.demo.sites import SITES
from connector.domain.effects import Template
from connector.domain.model import PortalUser, Tenant, UserId
from connector.foundation.config import Settings
from connector.store.clock import SystemClock
from tests.bench.mail_sink import HOST
from tests.bench.place import Place, configured
from tests.bench.table import Aim, prose, table, verdicts
from tests.support.builders import a_profile, a_user, an_invitation
from tests.support.realms import REALM
from tests.support.waiting import wait_until

LINK = f"https://usher.example.com/invite/{'a' * 90}"
OURS, RENDERED = "rendered and handed over", "rendered alone"
EACH, ONE = "smtplib alone, a connection each", "smtplib alone, one connection for all"


def mails_section(place: Place, *, quick: bool) -> list[str]:
    """Measure with the demo's two tenants in turn; the lines of the document."""
    rounds, count = (1, 200) if quick else (3, 10_000)
    with _sink() as port:
        found = _measured(_settings(place, port), port, rounds, count)
    size = found.pop("bytes")[0]
    rows = [[what, f"{statistics.median(figures):,.0f}"] for what, figures in found.items()]
    return [
        "## Invitations a minute",
        "",
        *prose(
            f"""{count:,} invitations of two tenants in turn, in English and in German, each with its logo,
            {size / 1024:.0f} KiB a mail: rendered and handed to a server on this machine that keeps
            nothing, by one thread, over a connection of its own each, as a worker does it; beside smtplib
            alone, which sends the same mails ready-made. Medians of {rounds} rounds that take turns."""
        ),
        "",
        *table(["", "a minute"], rows),
        "",
        *verdicts([Aim(f"{OURS}: ≥ 10,000 a minute", statistics.median(found[OURS]), at_least=10_000)]),
    ]


def _settings(place: Place, port: int) -> Settings:
    tenants = {site.tenant: {"realm": REALM, **site.configuration(f"http://{HOST}:9")} for site in SITES}
    mail = {
        "smtp": {"host": HOST, "port": port, "tls": "none"},
        "from": "portal@example.com",
        "allow_default_sender": True,
    }
    return configured(place.without_realm(), tenants=tenants, mail=mail)


def _measured(settings: Settings, port: int, rounds: int, count: int) -> dict[str, list[float]]:
    clock = SystemClock()
    renderer, mailer = make_renderer(settings, clock), make_mailer(settings, clock)

    def render(letter: tuple[Tenant, PortalUser]) -> Mail:
        return renderer.render(Template.INVITATION, *letter, link=LINK, request_id="r" * 32)

    letters = _letters(list(settings.tenants.values()), count)
    mails = [render(letter) for letter in letters]
    found: dict[str, list[float]] = {what: [] for what in (OURS, RENDERED, EACH, ONE)}
    for _ in range(rounds):
        found[OURS].append(_a_minute(lambda: [mailer.send(render(each)) for each in letters], count))
        found[RENDERED].append(_a_minute(lambda: [render(each) for each in letters], count))
        found[EACH].append(_a_minute(lambda: _send_each(port, mails), count))
        found[ONE].append(_a_minute(lambda: _send(port, mails), count))
    return found | {"bytes": [statistics.mean(len(mail.message) for mail in mails)]}


def _letters(tenants: Sequence[Tenant], count: int) -> list[tuple[Tenant, PortalUser]]:
    """Somebody invited by each tenant in turn."""
    return [
        (
            tenants[number % len(tenants)],
            a_user(
                tenant=tenants[number % len(tenants)].id,
                id=UserId(f"{number:032}"),
                profile=a_profile(f"user{number}@acme.example"),
                invitation=an_invitation(),
            ),
        )
        for number in range(count)
    ]


def _a_minute(deed: Callable[[], object], count: int) -> float:
    begun = time.perf_counter()
    deed()
    return 60 * count / (time.perf_counter() - begun)


def _send(port: int, mails: Sequence[Mail]) -> None:
    """By one connection."""
    with smtplib.SMTP(HOST, port, "localhost") as smtp:
        for mail in mails:
            smtp.sendmail(mail.sender, [mail.recipient], mail.message)


def _send_each(port: int, mails: Sequence[Mail]) -> None:
    for mail in mails:
        _send(port, [mail])


@contextmanager
def _sink() -> Iterator[int]:
    """The port of a server in a process of its own."""
    port = free_port()
    with subprocess.Popen([sys.executable, "-m", "tests.bench.mail_sink", str(port)]) as process:
        try:
            wait_until(lambda: _greets(port), what="the mail server")
            yield port
        finally:
            process.terminate()


def _greets(port: int) -> bool:
    try:
        with smtplib.SMTP(HOST, port, "localhost", timeout=2):
            return True
    except OSError:
        return False
