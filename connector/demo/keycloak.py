"""Starts and stops a real Keycloak for a while. It owns the server's process and its folder; what is
set up in the server is the business of whoever started it.
"""

import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import requests

from connector.demo.java import find_java
from connector.demo.obtain import cache_folder, java_environment, obtain_keycloak
from connector.demo.process import Child, free_port
from connector.demo.steps import Steps

READY_SECONDS = 180.0
ADMIN = "admin"
SHARED = ("bin", "conf", "lib", "providers", "themes", "version.txt")
"""What a server's folder borrows from the built copy; its data are its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningKeycloak:
    """A server that takes requests at ``url`` (no trailing slash), with the administrator of its
    master realm.
    """

    url: str
    admin_user: str
    admin_password: str = field(repr=False)
    process: Child | None = None
    """None if somebody else has started it."""


@contextmanager
def running_keycloak(folder: Path, steps: Steps, env: Mapping[str, str]) -> Iterator[RunningKeycloak]:
    """A Keycloak on free loopback ports, its data and log in ``folder``; stopped at the end. Its URL
    says ``localhost``, so that it is another site to a browser than our 127.0.0.1, as in real life.

    :raises DemoError: no Java, no Keycloak, or it does not come up in time.
    """
    java = find_java(env)
    built = obtain_keycloak(java, steps, env, cache_folder(env))
    home = _own_home(built, folder)
    port, management = free_port(), free_port()
    password = secrets.token_urlsafe(24)
    url, log = f"http://localhost:{port}", folder / "keycloak.log"
    secret = {"KC_BOOTSTRAP_ADMIN_USERNAME": ADMIN, "KC_BOOTSTRAP_ADMIN_PASSWORD": password}
    child_env = {**java_environment(java, env), **secret, **SHORT_LIVED}
    command = _command(built, home, url, port, management)
    with Child("Keycloak", command, log=log, env=child_env) as child:
        child.wait_until(
            lambda: _is_ready(management),
            seconds=READY_SECONDS,
            tell=lambda: steps.working("Starting Keycloak"),
        )
        yield RunningKeycloak(url=url, admin_user=ADMIN, admin_password=password, process=child)


SHORT_LIVED = {"JAVA_OPTS_APPEND": "-XX:TieredStopAtLevel=1"}
"""The quick compiler alone: a server that lives for minutes starts a sixth faster with it."""


def _own_home(built: Path, folder: Path) -> Path:
    home = folder / "keycloak"
    shutil.rmtree(home, ignore_errors=True)
    (home / "tmp").mkdir(parents=True)
    for name in SHARED:
        (home / name).symlink_to(built / name)
    return home


def _command(built: Path, home: Path, url: str, port: int, management: int) -> list[str]:
    """The optimized production start, opened up for plain HTTP on loopback; ``cache=local`` because
    the default opens a cluster port on every interface.
    """
    return [
        str(built / "bin" / "kc.sh"),
        f"-Dkc.home.dir={home}",
        f"-Djava.io.tmpdir={home / 'tmp'}",
        "start",
        "--optimized",
        "--http-enabled=true",
        "--http-host=127.0.0.1",
        f"--http-port={port}",
        "--http-management-host=127.0.0.1",
        f"--http-management-port={management}",
        f"--hostname={url}",
        "--cache=local",
        "--log-level=INFO,io.smallrye.health:off",
    ]


def _is_ready(management: int) -> bool:
    try:
        answer = requests.get(f"http://127.0.0.1:{management}/health/ready", timeout=2)
    except requests.RequestException:
        return False
    return answer.ok
