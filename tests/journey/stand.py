"""A whole Usher whose ways can be spoilt and whose processes can be killed: proxies stand before Keycloak
and before Usher, and browsers and servers go through them. It owns these and the processes; what is done to
them is a journey's.

The realm says that it lives at its proxy (``frontendUrl``), so its tokens and pages name that address too.
"""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

import requests
from flask import Flask
from ruamel.yaml import YAML

from connector.demo.inbox import Inbox
from connector.demo.keycloak import RunningKeycloak
from connector.demo.portal import portal_app
from connector.demo.process import free_port
from connector.demo.realm import CLIENT, add_sample_portal
from connector.demo.relying_party import RelyingParty
from connector.demo.scim import ScimCaller
from connector.demo.settings import REALM_KEY, Addresses, write_settings
from connector.demo.sites import ACME
from connector.demo.system import CONNECTION, Caller, System
from connector.demo.usher import UsherCommand
from connector.demo.web import HOST, serving
from connector.foundation.config import load
from connector.foundation.private_files import write_private
from connector.keycloak.setup.run import apply
from tests.faults.processes import Process
from tests.support.fault_proxy import FaultProxy, Mode, fault_proxy
from tests.support.realms import Console, access_of
from tests.support.waiting import wait_until

REALM = "journeys-spoilt"
MAPPINGS = "mappings"
WORKER = {
    "longest_backoff": "1s",
    "breaker_pause": "500ms",
    "longest_breaker_pause": "1s",
    "link_sweep": "1h",
}
"""One that sees soon that a way is good again, and whose own sweep hides no link from a journey's."""
START = 60.0
"""Seconds for a process to come up."""


@dataclass(kw_only=True)
class Stand:
    """One installation: ``usher serve``, ``usher worker``, and the two ways."""

    system: System
    to_keycloak: FaultProxy
    """What browsers, Usher and the portal send to Keycloak."""
    to_usher: FaultProxy
    """What browsers and Keycloak send to Usher."""
    port: int
    """Where the web server itself listens."""
    serving: Process | None = None
    working: Process | None = None

    @property
    def mappings(self) -> Path:
        """The folder for mapping files that take the shipped ones' place at the next start."""
        return self.system.usher.config.parent / MAPPINGS

    def start_serving(self) -> None:
        """The web server; returns when it answers."""
        serving = self._started("serve", "--port", str(self.port))
        self.serving = serving
        wait_until(lambda: self._answers() or serving.exit_code is not None, seconds=START, what="a start")
        assert serving.exit_code is None, serving.tail()

    def start_working(self) -> None:
        """The worker."""
        self.working = self._started("worker")

    def kill(self) -> None:
        """End the web server with all its processes at once, as a power cut does."""
        _end(self.serving)
        self.serving = None

    def stop(self) -> None:
        """End everything that runs."""
        self.kill()
        _end(self.working)
        self.working = None

    def restart(self) -> None:
        """End everything and start it anew, with the mapping files of now."""
        self.stop()
        self.start_serving()
        self.start_working()

    def heal(self) -> None:
        """Both ways are good again."""
        for way in (self.to_keycloak, self.to_usher):
            way.always(Mode.OK)

    def _started(self, *verb: str) -> Process:
        config = self.system.usher.config
        return Process("connector", "--config", str(config), *verb, log=config.parent / f"{verb[0]}.log")

    def _answers(self) -> bool:
        try:
            return requests.get(f"http://{HOST}:{self.port}/oidc/{REALM_KEY}/jwks", timeout=2).ok
        except requests.RequestException:
            return False


def _end(process: Process | None) -> None:
    if process is not None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(START)


@contextmanager
def standing(folder: Path, keycloak: RunningKeycloak, inbox: Inbox) -> Iterator[Stand]:
    """An installation whose tenant's invitations prove the mailbox, over a realm of its own that is removed
    at the end.
    """
    console, server = Console(keycloak, REALM), urlsplit(keycloak.url)
    console.remove_realm()
    port, portal = free_port(), free_port()
    with (
        fault_proxy(server.hostname or "", server.port or 80, http=True) as to_keycloak,
        fault_proxy(HOST, port, http=True) as to_usher,
    ):
        where = Addresses(
            usher_port=to_usher.port,
            keycloak=f"http://localhost:{to_keycloak.port}",
            realm=REALM,
            portal=f"http://{HOST}:{portal}",
            smtp_port=inbox.port,
        )
        usher = UsherCommand(config=_configured(folder, where), env=os.environ)
        settings = load(usher.config)
        apply(settings, REALM_KEY, access_of(keycloak), create_realm=True)
        attributes = console.get()["attributes"] | {"frontendUrl": where.keycloak}
        console.put("", {"attributes": attributes})
        system = System(
            where=where,
            settings=settings,
            usher=usher,
            keycloak=keycloak,
            inbox=inbox,
            callers={ACME.tenant: _caller(usher, where)},
            tenant=ACME.tenant,
        )
        stand = Stand(system=system, to_keycloak=to_keycloak, to_usher=to_usher, port=port)
        with serving(_portal(system), portal):
            try:
                stand.start_serving()
                stand.start_working()
                yield stand
            finally:
                stand.stop()
                console.remove_realm()


def _configured(folder: Path, where: Addresses) -> Path:
    """The configuration, with an empty folder for mapping files."""
    site = replace(ACME, settings={**ACME.settings, "policy": {"email_verification": "invitation"}})
    path, yaml = write_settings(folder, where, [site]), YAML()
    (folder / MAPPINGS).mkdir()
    config = yaml.load(path)
    config |= {"mappings": MAPPINGS, "worker": WORKER}
    yaml.dump(config, path)
    return path


def _caller(usher: UsherCommand, where: Addresses) -> Caller:
    token = usher.run("token", "create", ACME.tenant, "--name", CONNECTION).strip()
    token_file = usher.config.with_name("scim-token")
    write_private(token_file, token.encode())
    return Caller(ScimCaller(f"{where.usher}/scim/{ACME.tenant}/v2", token), token_file)


def _portal(system: System) -> Flask:
    where, keycloak = system.where, system.keycloak
    secret = add_sample_portal(keycloak, where.realm, where.portal)
    client = RelyingParty(issuer=where.issuer, client_id=CLIENT, client_secret=secret, portal=where.portal)
    return portal_app(
        {str(key): tenant for key, tenant in system.settings.tenants.items()}, client, where.portal
    )
