"""What every web request gets: an id, a line, a place in the figures; and what never gets into them."""

import io
import json
import random
import string
from typing import Any

import pytest
from flask import Flask, Response

from connector.foundation.observe import bind_subject, current_request_id
from connector.foundation.paths import ALIVE
from connector.foundation.web_requests import name_route
from tests.support.figures import counted, series
from tests.support.web import an_app

CANARIES = (
    "ada.lovelace@acme.example",
    "usher_AbC-123_xyz",
    "a1" * 16 + ".1." + "x" * 43,
    "s7a7e",
    "c0ffee",
)


@pytest.fixture
def app() -> Flask:
    app = an_app()

    @app.get("/things/<name>")
    def thing(name: str) -> str:
        if name == "known":
            bind_subject(tenant="acme", user_id="user-1")
            name_route("/things/{known}")
        if name == "broken":
            raise RuntimeError("it broke")
        return current_request_id()

    @app.post("/invite/<token>")
    def press(token: str) -> Response:
        return Response(status=303)

    return app


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    found = [json.loads(line) for line in stream.getvalue().splitlines()]
    return [line for line in found if line["event"] == "request"]


def test_operation_x4_each_request_has_one_line_with_its_rule_and_not_its_path(
    app: Flask, stream: io.StringIO
) -> None:
    app.test_client().get("/things/anything", headers={"X-Request-ID": "from-the-proxy-1"})
    (line,) = lines(stream)
    assert line.pop("ms") >= 0
    assert line.pop("time").endswith("Z")
    assert line == {
        "event": "request",
        "level": "info",
        "request_id": "from-the-proxy-1",
        "route": "/things/<name>",
        "method": "GET",
        "status": 200,
    }


def test_operation_x4_a_line_says_whom_it_is_about_where_that_is_known_and_the_next_one_does_not(
    app: Flask, stream: io.StringIO
) -> None:
    client = app.test_client()
    client.get("/things/known")
    client.get("/things/other")
    known, other = lines(stream)
    assert (known["route"], known["tenant"], known["user_id"]) == ("/things/{known}", "acme", "user-1")
    assert not {"tenant", "user_id"} & other.keys()
    assert known["request_id"] != other["request_id"]


def test_operation_x4_a_request_that_no_rule_fits_or_that_breaks_has_its_line_too(
    app: Flask, stream: io.StringIO
) -> None:
    client = app.test_client()
    assert client.get("/nowhere").status_code == 404
    assert client.get("/things/broken").status_code == 500
    assert [(line["route"], line["status"]) for line in lines(stream)] == [
        ("none", 404),
        ("/things/<name>", 500),
    ]


def test_operation_x5_the_id_is_the_callers_within_the_request_and_in_the_answer(app: Flask) -> None:
    answer = app.test_client().get("/things/x", headers={"X-Request-ID": "from-the-proxy-1"})
    assert (answer.text, answer.headers["X-Request-ID"]) == ("from-the-proxy-1", "from-the-proxy-1")
    assert current_request_id() == ""


@pytest.mark.parametrize("offered", ["short", "has space in it", "x" * 65, "ada@acme.example"])
def test_operation_x5_an_id_that_will_not_do_is_replaced_everywhere(app: Flask, offered: str) -> None:
    answer = app.test_client().get("/things/x", headers={"X-Request-ID": offered})
    assert answer.text == answer.headers["X-Request-ID"] != offered
    assert len(answer.text) == 32


def test_operation_x5_an_answer_to_a_broken_request_has_the_id_too(app: Flask) -> None:
    for path in ("/nowhere", "/things/broken"):
        answer = app.test_client().get(path, headers={"X-Request-ID": "from-the-proxy-1"})
        assert answer.headers["X-Request-ID"] == "from-the-proxy-1"


def test_control_s12_nothing_that_a_caller_sends_gets_into_the_line(
    app: Flask, stream: io.StringIO
) -> None:
    client = app.test_client()
    for canary in CANARIES:
        client.get(
            f"/things/{canary}?q={canary}", headers={"X-Request-ID": canary, "Cookie": f"c={canary}"}
        )
        client.post(f"/invite/{canary}", data={"code": canary}, headers={"Referer": canary})
        client.get(f"/{canary}", headers={"Authorization": f"Bearer {canary}"})
        client.open("/things/x", method=canary.upper().replace("@", "")[:20])
    assert len(lines(stream)) == 4 * len(CANARIES)
    shown = stream.getvalue().lower()
    assert not [canary for canary in CANARIES if canary.lower() in shown]


def test_operation_x3_odd_requests_make_no_series(app: Flask) -> None:
    chance = random.Random(4)  # noqa: S311 (the same in each run)
    client = app.test_client()
    for path in ("/things/x", "/nowhere"):
        client.open(path, method="GET")
        client.open(path, method="BREW")
    before = series()
    for _ in range(500):
        word = "".join(chance.choices(string.ascii_letters + string.digits, k=12))
        path = chance.choice([f"/things/{word}", f"/{word}", f"/things/{word}/x"])
        client.open(f"{path}?{word}={word}", method=chance.choice(["GET", word.upper()]))
    assert series().keys() == before.keys()
    assert len(before) < 2000


def test_the_web_process_says_that_it_is_there_without_a_line_or_a_figure(
    app: Flask, stream: io.StringIO
) -> None:
    with counted("usher_http_seconds_count", route=ALIVE) as requests:
        assert app.test_client().get(ALIVE).status_code == 204
    assert (requests, lines(stream)) == ([0.0], [])
