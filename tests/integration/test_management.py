"""The management port over real sockets, as a probe and a scrape meet it."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
import requests
from flask import Flask
from werkzeug.serving import make_server

from connector.application.records import Sink
from connector.cli import main as cli
from connector.demo.process import free_port
from connector.foundation import metrics
from connector.foundation.config import ConfigError, ManagementSettings, ServerSettings
from connector.foundation.config_initial import write_initial
from connector.foundation.keys import create_keys
from connector.foundation.management import Check, ManagementServer, Watched
from connector.operation.figures import Figures
from connector.operation.readiness import checks_of
from connector.store.engine import Engines, make_engines
from connector.store.migrate import HEAD, current, migrate
from connector.store.store import SqlStore
from tests.support.builders import NOW, FakeClock
from tests.support.figures import Series, series, value
from tests.support.web import an_app


class Place:
    """An installation's parts, of which a test breaks one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.keys = folder / "keys"
        self.head = HEAD
        self.is_stopping = False
        self.web: ServerSettings | None = None
        self.management = ManagementSettings(port=free_port())
        create_keys(self.keys)
        self.engines: Engines = make_engines(f"sqlite:///{folder / 'usher.db'}")
        migrate(self.engines.write)
        self.store = SqlStore(self.engines)

    def checks(self) -> Mapping[str, Check]:
        return checks_of(
            revision=lambda: current(self.engines.read),
            head=self.head,
            keys=self.keys,
            stopping=lambda: self.is_stopping,
            web=self.web,
        )

    @contextmanager
    def watched(self) -> Iterator[None]:
        figures = Figures(self.store, FakeClock(), realms=["main"])
        watched = Watched(
            checks=self.checks(), degraded=figures.away, figures=lambda: metrics.exposition(figures)
        )
        with ManagementServer(self.management, watched):
            yield

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.management.port}{path}"

    def ask(self, path: str) -> requests.Response:
        return requests.get(self.url(path), timeout=10)

    def ready(self) -> tuple[int, Any]:
        answer = self.ask("/readyz")
        assert answer.headers["Content-Type"] == "application/json"
        return answer.status_code, answer.json()


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path)
    yield made
    made.engines.dispose()


@contextmanager
def serving(app: Flask) -> Iterator[ServerSettings]:
    server = make_server("127.0.0.1", 0, app)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield ServerSettings(host="127.0.0.1", port=server.server_port)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_operation_x1_ready_when_all_holds(place: Place) -> None:
    with serving(an_app()) as place.web, place.watched():
        assert place.ready() == (200, {"ready": True, "failed": {}, "degraded": []})
        assert place.ask("/healthz").status_code == 200


def no_database(place: Place) -> None:
    place.engines.dispose()
    (place.folder / "usher.db").write_text("no database")
    for name in ("usher.db-wal", "usher.db-shm"):
        (place.folder / name).unlink(missing_ok=True)


def other_schema(place: Place) -> None:
    place.head = "9999"


def readable_key(place: Place) -> None:
    (place.keys / "links.key").chmod(0o644)


def no_signing_key(place: Place) -> None:
    for file in place.keys.glob("oidc-*.json"):
        file.unlink()


def stopping(place: Place) -> None:
    place.is_stopping = True


def no_web(place: Place) -> None:
    place.web = ServerSettings(host="127.0.0.1", port=free_port())


CAUSES = [
    (no_database, "database", "cannot be used"),
    (other_schema, "schema", "usher migrate"),
    (readable_key, "keys", "links.key"),
    (no_signing_key, "keys", "oidc-*.json"),
    (stopping, "stopping", "being stopped"),
    (no_web, "web", "does not answer"),
]


@pytest.mark.parametrize(("cause", "name", "part"), CAUSES, ids=[cause[0].__name__ for cause in CAUSES])
def test_operation_x1_each_cause_makes_it_unready_and_is_named(
    place: Place, cause: Callable[[Place], None], name: str, part: str
) -> None:
    cause(place)
    with place.watched():
        status, found = place.ready()
        assert (status, found["ready"]) == (503, False)
        assert part in found["failed"][name]
        assert place.ask("/healthz").status_code == 200


def test_operation_x1_a_schema_that_was_brought_up_to_date_first_is_ready(place: Place) -> None:
    place.head = "0000"
    with place.watched():
        assert place.ready()[0] == 200


def test_operation_x1_a_web_process_that_answers_wrongly_is_no_web_process(place: Place) -> None:
    with serving(Flask("another")) as place.web, place.watched():
        status, found = place.ready()
    assert (status, found["failed"]) == (503, {"web": "The web process answers 404."})


def away(name: str) -> Sink:
    return Sink(
        name=name,
        opened_at=NOW,
        open_until=NOW + 30,
        openings=1,
        reason="unavailable",
        detail="refused",
        probe_until=None,
    )


def test_promise_p7_keycloak_and_mail_away_is_ready_and_degraded_and_tells_no_tenant(place: Place) -> None:
    with place.store.write() as work:
        for name in ("keycloak:main", "smtp:portal@acme.example", "smtp:default"):
            work.sinks.open(away(name))
    with place.watched():
        assert place.ready() == (200, {"ready": True, "failed": {}, "degraded": ["keycloak:main", "smtp"]})


def test_operation_x2_a_scrape_has_what_was_counted_and_what_the_database_says(place: Place) -> None:
    metrics.tolerance("text_boolean")
    with place.store.write() as work:
        work.sinks.open(away("smtp:portal@acme.example"))
    with place.watched():
        answer = place.ask("/metrics")
    assert answer.headers["Content-Type"].startswith("text/plain; version=")
    found = series(answer.content)
    assert value(found, "usher_scim_tolerance_total", switch="text_boolean") >= 1
    assert value(found, "usher_sink_open", sink="smtp") == 1
    assert ("usher_outbox_open", frozenset({("lane", "mail"), ("state", "ready")})) in found
    assert b"acme.example" not in answer.content


def test_operation_x2_without_a_database_what_was_counted_is_still_there(place: Place) -> None:
    metrics.tolerance("text_boolean")
    no_database(place)
    with place.watched():
        found = series(place.ask("/metrics").content)
    assert value(found, "usher_scim_tolerance_total", switch="text_boolean") >= 1
    assert not [name for name, _ in found if name == "usher_outbox_open"]


def test_other_paths_and_methods_lead_nowhere(place: Place) -> None:
    with place.watched():
        assert place.ask("/").status_code == 404
        assert requests.post(place.url("/readyz"), timeout=10).status_code == 501
        head = requests.head(place.url("/readyz"), timeout=10)
    assert (head.status_code, head.content) == (200, b"")


def test_a_probe_that_says_nothing_keeps_nobody_waiting(place: Place) -> None:
    with place.watched():
        silent = HTTPConnection("127.0.0.1", place.management.port)
        silent.connect()
        assert place.ready()[0] == 200
        silent.close()


def test_a_port_in_use_is_said_with_what_to_do(place: Place) -> None:
    with place.watched(), pytest.raises(ConfigError) as failed, place.watched():
        pass
    assert str(failed.value).startswith("management: cannot listen on 127.0.0.1 port ")
    assert "--management-port" in str(failed.value)


def test_port_0_listens_nowhere(place: Place) -> None:
    port = place.management.port
    place.management = ManagementSettings(port=0)
    with place.watched(), pytest.raises(ConnectionRefusedError):
        HTTPConnection("127.0.0.1", port).connect()


# --- usher healthcheck -----------------------------------------------------------------------------


@pytest.fixture
def healthcheck(place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    config = write_initial(tmp_path / "etc", "acme")
    config.write_text(config.read_text() + f"management: {{port: {place.management.port}}}\n")

    def call(*options: str) -> int:
        monkeypatch.setattr("sys.argv", ["usher", "--config", str(config), "healthcheck", *options])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        return int(ended.value.code or 0)

    return call


def test_operation_x1_healthcheck_is_0_when_ready(
    place: Place, healthcheck: Callable[[], int], capsys: pytest.CaptureFixture[str]
) -> None:
    with place.store.write() as work:
        work.sinks.open(away("keycloak:main"))
    with place.watched():
        assert healthcheck() == 0
    assert capsys.readouterr().out == "Ready. Away: keycloak:main.\n"


def test_operation_x1_healthcheck_is_1_and_says_why_when_not(
    place: Place, healthcheck: Callable[[], int], capsys: pytest.CaptureFixture[str]
) -> None:
    stopping(place)
    with place.watched():
        assert healthcheck() == 1
    assert capsys.readouterr().err == "stopping: Usher is being stopped.\n"


def test_operation_x1_healthcheck_is_1_when_nothing_or_something_else_answers(
    place: Place, healthcheck: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert healthcheck() == 1
    with serving(an_app()) as web:
        assert healthcheck("--management-port", str(web.port)) == 1
    assert capsys.readouterr().err.count("Nothing answers as Usher does") == 2


def test_operation_x1_healthcheck_of_no_port_is_wrong_use(
    healthcheck: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert healthcheck("--management-port", "0") == 2
    assert "nothing to ask" in capsys.readouterr().err


# --- as the operating system sees it ---------------------------------------------------------------

SECONDS = 30.0


def eventually(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS
    while not done():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.1)


def test_operation_x1_x2_of_usher_run_both_processes_answer_in_one_place(tmp_path: Path) -> None:
    web, management, leftovers = free_port(), free_port(), tmp_path / "tmp"
    leftovers.mkdir()
    config = write_initial(tmp_path / "etc", "acme")
    text = config.read_text().replace("http://localhost:8080", f"http://127.0.0.1:{free_port()}")
    config.write_text(text + f"server: {{port: {web}}}\nmanagement: {{port: {management}}}\n")
    usher = [sys.executable, "-m", "connector", "--config", str(config)]
    environment = {**os.environ, "TMPDIR": str(leftovers)}

    def run(*verb: str) -> int:
        return subprocess.run([*usher, *verb], capture_output=True, check=False).returncode

    def scraped() -> Series:
        return series(requests.get(f"http://127.0.0.1:{management}/metrics", timeout=10).content)

    with subprocess.Popen([*usher, "run"], env=environment, stderr=subprocess.DEVNULL) as process:
        try:
            eventually(lambda: run("healthcheck") == 0)
            assert len(list(leftovers.iterdir())) == 1
            requests.get(f"http://127.0.0.1:{web}/scim/acme/v2/Users", timeout=10)
            route, status = "/scim/<tenant>/v2/users", "401"
            labels = {"route": route, "method": "GET", "status": status}
            assert value(scraped(), "usher_http_requests_total", **labels) == 1
            host = socket.gethostname()
            eventually(lambda: ("usher_worker_seen_seconds", frozenset({("host", host)})) in scraped())
            assert run("serve", "--port", str(free_port())) == 2
            process.send_signal(signal.SIGTERM)
            assert process.wait(SECONDS) == 0
        finally:
            if process.poll() is None:
                process.kill()
    assert list(leftovers.iterdir()) == []
    assert run("healthcheck") == 1


def test_what_is_ready_is_json_and_nothing_secret(place: Place) -> None:
    readable_key(place)
    with place.watched():
        text = place.ask("/readyz").text
    assert json.loads(text)["failed"].keys() == {"keys"}
    assert (place.keys / "links.key").read_bytes().hex() not in text
