"""``usher demo``: everything real on this machine, until somebody presses Ctrl-C. It owns the start, the
words at the terminal and the end of all that it started.
"""

import json
import os
import shlex
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import NoReturn

from connector.demo.browser import running_browser
from connector.demo.check import walk_through
from connector.demo.errors import DemoError
from connector.demo.inbox import running_inbox
from connector.demo.inbox_page import inbox_app
from connector.demo.keycloak import running_keycloak
from connector.demo.process import free_port, watch
from connector.demo.scim import active_body
from connector.demo.sites import SITES, Site
from connector.demo.steps import Steps, telling, timed
from connector.demo.system import System, running_system
from connector.demo.web import serving

REALM = "portal"
MARK = ".usher-demo"
"""A folder with this file in it is the demo's own and may be emptied."""


class Failed(Exception):
    """The unattended run has failed; the text is the verdict."""


@dataclass(frozen=True, slots=True)
class Demo:
    """All of it, running."""

    system: System
    inbox_url: str


def demo(*, check: bool, shots: Path | None, data: Path | None) -> int:
    """Run the demo until Ctrl-C, or with ``check`` unattended; the exit code. ``shots``: a folder for
    screenshots of the unattended run. ``data``: a folder for the demo's files, a temporary one if None.
    """
    with telling() as steps, _ended_by_signals():
        try:
            with _folder(data) as folder:
                if check:
                    return _unattended(folder, steps, shots)
                _attended(folder, steps)
        except Failed as verdict:
            steps.say(str(verdict))
            return 1
        except DemoError as error:
            steps.say(f"\n{error.what}\n{error.do}")
            return 1
        except OSError as error:
            steps.say(f"\nThe operating system refuses: {error}\n{DISK}")
            return 1
        except KeyboardInterrupt:
            steps.say("\nStopped; nothing of it runs any more.")
            return 1 if check else 0


def _unattended(folder: Path, steps: Steps, shots: Path | None) -> int:
    since = time.monotonic()
    with running_browser(os.environ) as browser, running_demo(folder, steps, os.environ) as running:
        failed = walk_through(running.system, running.inbox_url, browser, steps, shots)
    if failed is not None:
        steps.say(f"Logs are in {folder}")
        raise Failed(f"FAILED at {failed}")
    steps.say(f"PASSED in {time.monotonic() - since:.0f} s")
    return 0


def _attended(folder: Path, steps: Steps) -> NoReturn:
    with running_demo(folder, steps, os.environ) as running:
        system = running.system
        with timed(steps, f"{' and '.join(site.person.name for site in SITES)} are invited over SCIM"):
            users = [_invited(system.seen_by(site.tenant), site) for site in SITES]
        steps.say(_next_steps(running, users[0]))
        children = [child for child in (system.keycloak.process, system.process) if child]
        watch(children, tell=lambda: steps.working("Running", brief=True))


def _invited(system: System, site: Site) -> str:
    person = site.person
    user = system.scim.create(person.address, person.given_name, person.family_name)
    system.inbox.wait_for(person.address)
    return user


@contextmanager
def running_demo(folder: Path, steps: Steps, env: Mapping[str, str]) -> Iterator[Demo]:
    """Keycloak, Usher, the inbox and the portal; stopped at the end.

    :raises DemoError: something did not come up.
    """
    with ExitStack() as stack:
        try:
            yield _started(stack, folder, steps, env)
        except KeyboardInterrupt:
            steps.working("Stopping everything")
            raise


def _started(stack: ExitStack, folder: Path, steps: Steps, env: Mapping[str, str]) -> Demo:
    inbox = stack.enter_context(running_inbox())
    inbox_url = stack.enter_context(serving(inbox_app(inbox), free_port()))
    with timed(steps, "Keycloak runs"):
        keycloak = stack.enter_context(running_keycloak(folder, steps, env))
    with timed(steps, "Usher and the sample portals run"):
        system = stack.enter_context(
            running_system(folder, keycloak, inbox, realm=REALM, sites=SITES, steps=steps, env=env)
        )
    return Demo(system, inbox_url)


def _next_steps(running: Demo, user: str) -> str:
    """What to do now, for the first site's ``user``."""
    system, keycloak = running.system, running.system.keycloak
    first, second = SITES
    return NEXT_STEPS.format(
        sites="\n".join(_about(system.seen_by(site.tenant), site) for site in SITES),
        first=first.person.given_name,
        second=second.person.given_name,
        inbox=running.inbox_url,
        scim=system.scim.url,
        user=user,
        address=first.person.address,
        token=system.token_file,
        body=json.dumps(active_body(active=False), separators=(",", ":")),
        usher=_typed(system.usher.line()),
        tenant=system.tenant,
        console=f"{keycloak.url}/admin/master/console/#/{REALM}",
        login=f"{keycloak.admin_user} / {keycloak.admin_password}",
    )


def _about(system: System, site: Site) -> str:
    return ABOUT.format(
        name=site.name,
        summary=site.summary,
        who=site.person.name,
        address=site.person.address,
        portal=system.portal_url,
        scim=system.scim.url,
        token=system.token_file,
    )


def _typed(command: Sequence[str]) -> str:
    """A command as somebody would type it in this folder."""
    program, *rest = command
    if shutil.which(Path(program).name) == program:
        program = Path(program).name
    elif Path(program).is_relative_to(Path.cwd()):
        program = str(Path(program).relative_to(Path.cwd()))
    return shlex.join([program, *rest])


ABOUT = """
  {name}: {summary}

      invited      {who}, {address}
      portal       {portal}
      SCIM         {scim}
      SCIM token   {token}"""

NEXT_STEPS = """
Everything runs. Two companies share one Keycloak realm; their identity providers have
pushed one person each over SCIM, and the invitations are in the inbox.
{sites}

  1  Open the inbox, and press the button in an invitation:

         {inbox}

  2  {first} confirms her address with Keycloak's mail (it is in the inbox too); {second}
     does not have to. Choose a password. You arrive at the company's portal, signed in.
     Take both invitations in one browser, and Usher asks before it signs the first out.

  3  Take {first}'s access away as her company would, and watch the portal:

         curl -i -X PATCH {scim}/Users/{user} \\
           -H "Authorization: Bearer $(cat {token})" \\
           -H "Content-Type: application/scim+json" \\
           -d '{body}'

  4  See what happened, and why:

         {usher} user explain {tenant} {address}

  Keycloak console   {console}
                     {login}

Ctrl-C stops all of it.
"""

DISK = "Check the free space and the rights of the temporary folder and of ~/.cache/portal-usher."


@contextmanager
def _folder(data: Path | None) -> Iterator[Path]:
    """The demo's own folder: the given one, emptied; else a temporary one, kept only after a failure."""
    if data is not None:
        yield _emptied(data)
        return
    folder = Path(tempfile.mkdtemp(prefix="usher-demo-"))
    try:
        yield folder
    except KeyboardInterrupt:
        shutil.rmtree(folder)
        raise
    except Exception:
        if not any(folder.iterdir()):
            folder.rmdir()
        raise
    shutil.rmtree(folder)


def _emptied(data: Path) -> Path:
    if data.exists():
        if any(data.iterdir()) and not (data / MARK).exists():
            raise DemoError(
                f"{data} is not empty, and not a demo's folder.", "Name another one with --data."
            )
        shutil.rmtree(data)
    data.mkdir(parents=True, mode=0o700)
    (data / MARK).touch()
    return data.resolve()


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """SIGTERM and SIGHUP end the demo as Ctrl-C does; a second one cannot disturb the stopping."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def end(number: int, frame: FrameType | None) -> None:
        for each in numbers:
            signal.signal(each, signal.SIG_IGN)
        raise KeyboardInterrupt

    before = {number: signal.signal(number, end) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
