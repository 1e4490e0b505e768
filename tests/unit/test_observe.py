"""What is logged, and what never is."""

import errno
import io
import json
import logging
import time
from typing import Any

import pytest
import structlog

from connector.foundation.keys import LinkKey
from connector.foundation.links import InvitationLinks
from connector.foundation.observe import (
    MASK,
    accepted_request_id,
    bind_request_id,
    configure_logging,
    current_request_id,
    mask_text,
)

LINK = InvitationLinks("https://usher.example.com", LinkKey(bytes(32))).invitation("a1" * 16, 3)
TOKEN = LINK.rpartition("/")[2]
SECRETS = {
    "email": "ada.lovelace+x@acme.example",
    "scim token": "usher_AbC-123_xyz",
    "link": LINK,
    "token": TOKEN,
    "jwt": "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln",
    "bearer": "Bearer abcdef0123456789",
    "code": "https://usher.example.com/invite/done?code=c0ffee&state=s7a7e",
}
NEEDLES = {"ada.lovelace", "usher_AbC", TOKEN, "a1a1a1", "eyJ", "abcdef0123456789", "c0ffee", "s7a7e"}


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_operation_x4_a_line_is_json_with_its_time_level_event_and_request(stream: io.StringIO) -> None:
    with bind_request_id("req-12345678", tenant="acme"):
        structlog.get_logger().info("request", route="/scim/<tenant>/v2/Users", status=201, ms=3.5)
    (line,) = lines(stream)
    assert line.pop("time").endswith("Z")
    assert line == {
        "level": "info",
        "event": "request",
        "request_id": "req-12345678",
        "tenant": "acme",
        "route": "/scim/<tenant>/v2/Users",
        "status": 201,
        "ms": 3.5,
    }


def test_a_librarys_line_has_the_same_form(stream: io.StringIO) -> None:
    with bind_request_id("req-12345678"):
        logging.getLogger("urllib3").warning("retrying %s", SECRETS["email"])
    (line,) = lines(stream)
    assert (line["event"], line["level"], line["request_id"]) == (
        "retrying [email]",
        "warning",
        "req-12345678",
    )


def test_lines_below_the_level_are_left_out(stream: io.StringIO) -> None:
    structlog.get_logger().debug("ours")
    logging.getLogger("urllib3").debug("theirs")
    assert lines(stream) == []


@pytest.mark.parametrize("secret", SECRETS.values(), ids=SECRETS.keys())
@pytest.mark.parametrize("shape", ["{}", "before {} after", "({})", "'{}'", '"{}",', "<{}>", "x={}"])
def test_control_i7_no_secret_stays_in_text_whatever_is_around_it(secret: str, shape: str) -> None:
    masked = mask_text(shape.format(secret))
    assert not [needle for needle in NEEDLES if needle in masked]


def test_control_s12_no_secret_is_logged_wherever_it_lies(stream: io.StringIO) -> None:
    log = structlog.get_logger()
    log.info(
        f"event {SECRETS['email']}", value=SECRETS, deep=[{"x": ({"y": LINK},)}], odd={SECRETS["email"]: 1}
    )
    log.info("objects", error=ValueError(SECRETS["email"]), raw=SECRETS["scim token"].encode())
    logging.getLogger("x").error("theirs %r", SECRETS)
    try:
        raise ValueError(SECRETS["link"], SECRETS["email"])
    except ValueError:
        log.exception("raised")
    text = stream.getvalue()
    assert "raised" in text
    assert "Traceback" in text
    assert not [needle for needle in NEEDLES if needle in text]


@pytest.mark.parametrize(
    "key", ["password", "Authorization", "client-secret", "cookie", "token", "email", "link", "userName"]
)
def test_control_s12_a_value_under_a_secrets_name_is_masked_whatever_it_is(
    stream: io.StringIO, key: str
) -> None:
    structlog.get_logger().info("event", **{key: "plain"}, inner={key: ["plain"]})
    (line,) = lines(stream)
    assert line[key] == MASK
    assert line["inner"] == {key: MASK}


def test_our_own_addresses_stay_readable() -> None:
    for text in (
        "/invite/probe",
        "/invite/go?x=1",
        "/invite/done",
        "/invite/back",
        "/invite/<token>",
        "user@",
        "a @ b",
        "5 usher",
    ):
        assert mask_text(text) == text


def test_a_value_without_an_end_is_cut_off(stream: io.StringIO) -> None:
    endless: list[Any] = []
    endless.append(endless)
    structlog.get_logger().info("event", value=endless)
    assert MASK in stream.getvalue()


def test_people_get_text(capsys: pytest.CaptureFixture[str], stream: io.StringIO) -> None:
    target = io.StringIO()
    configure_logging(target, human=True)
    structlog.get_logger().warning("row_lost", detail=SECRETS["email"])
    assert "row_lost" in target.getvalue()
    assert "[email]" in target.getvalue()
    assert not target.getvalue().startswith("{")


# --- request ids -----------------------------------------------------------------------------------


@pytest.mark.parametrize("offered", ["a" * 8, "A-b_c.90", "x" * 64])
def test_operation_x5_a_callers_request_id_is_kept(offered: str) -> None:
    assert accepted_request_id(offered, lambda: "fresh") == offered


@pytest.mark.parametrize(
    "offered", [None, "", "short", "x" * 65, "has space", "a\nb1234567", "ümlaut12", "a" * 8 + "\n"]
)
def test_operation_x5_anything_else_gets_a_new_one(offered: str | None) -> None:
    assert accepted_request_id(offered, lambda: "fresh") == "fresh"


def test_operation_x5_the_id_is_there_within_its_request_and_gone_after() -> None:
    with bind_request_id("req-1"):
        with bind_request_id("req-2"):
            assert current_request_id() == "req-2"
        assert current_request_id() == "req-1"
    assert current_request_id() == ""


@pytest.mark.usefixtures("stream")
def test_a_line_that_cannot_be_written_costs_nothing_but_itself() -> None:
    """A disk is full for a moment, or nobody reads the pipe any more."""

    class Full(io.StringIO):
        is_full = True

        def write(self, text: str) -> int:
            if self.is_full:
                raise OSError(errno.ENOSPC, "No space left on device")
            return super().write(text)

    stream = Full()
    configure_logging(stream, human=False)
    structlog.get_logger().warning("lost")
    stream.is_full = False
    structlog.get_logger().warning("told")
    assert [line["event"] for line in lines(stream)] == ["told"]


@pytest.mark.parametrize("part", ["a", "eyJ-", "eyJ", "a@", "1", "/invite/", "usher_", "bearer "])
def test_whatever_strangers_send_is_masked_in_one_pass(part: str) -> None:
    """They choose what is logged of them; looked through again and again it would stop the process."""
    text = "?" + part * (200_000 // len(part))
    began = time.process_time()
    mask_text(text)
    assert time.process_time() - began < 1
