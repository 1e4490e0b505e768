"""What Usher says about itself while it runs: one structured line an event, from our loggers and from the
libraries'. It owns the form of the lines, what may never be in one, and request ids; it must not know what
is worth a line.
"""

import logging
import re
import sys
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager, suppress
from typing import Any, TextIO, cast

import structlog
from structlog.typing import Processor

MASK = "[masked]"

_SECRET_KEYS = frozenset(
    {
        "address",
        "authorization",
        "client_secret",
        "code",
        "cookie",
        "credential",
        "email",
        "emails",
        "id_token",
        "link",
        "mail",
        "nonce",
        "password",
        "recipient",
        "secret",
        "sender",
        "token",
        "user_name",
        "username",
        "verifier",
    }
)
"""Names under which a person or a secret stands; folded to lower case, ``-`` as ``_``."""

_OF_ADDRESSES = r"^\s@<>'\"(),;:=/\[\]{}"
_JWT_BEGINS = re.compile(r"\beyJ[A-Za-z0-9_-]", re.ASCII)


def _without_jwt(found: re.Match[str]) -> str:
    run = found[0]
    begins = _JWT_BEGINS.search(run)
    return f"{run[: begins.start()]}[token]" if begins and "." in run[begins.end() :] else run


# Each sees a text through once, however it was chosen: what strangers send is logged as well.
_SECRET_VALUES: tuple[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]], ...] = (
    # An invitation's token, alone or in a link; a SCIM token; any other bearer token or JWT; what OpenID
    # Connect carries in URLs; an e-mail.
    (re.compile(r"[0-9a-f]{32}\.[0-9]+\.[A-Za-z0-9_-]{20,}"), "[invitation]"),
    (re.compile(r"(/invite/)(?!(?:probe|go|done|back)\b)[^\s/?#'\"<>]+"), r"\1[invitation]"),
    (re.compile(r"\busher_[A-Za-z0-9_-]+"), "[token]"),
    (re.compile(r"(?i)\b(bearer )[^\s'\"]+"), r"\1[token]"),
    (re.compile(r"[A-Za-z0-9_.-]+"), _without_jwt),
    (re.compile(r"([?&](?:code|state|nonce|id_token_hint)=)[^&\s'\"]+"), r"\1[masked]"),
    (re.compile(rf"(?<![{_OF_ADDRESSES}])[{_OF_ADDRESSES}]++@[{_OF_ADDRESSES}]+"), "[email]"),
)
_SUSPECT = re.compile(r"@|usher_|(?i:bearer )|eyJ|/invite/|[?&]|[0-9a-f]{32}\.")
"""Without one of these no secret value is in a text; most texts are seen through once instead of often."""
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}", re.ASCII)
_DEEPEST = 8
_TALKATIVE = ("alembic", "urllib3")
"""Libraries that tell their every step at info; what goes wrong in them is still told."""


def configure_logging(
    stream: TextIO | None = None, *, level: int = logging.INFO, human: bool | None = None
) -> None:
    """Send every log line, ours and the libraries', to ``stream`` (standard error): JSON, a line each, or
    text for people, which is the choice where the stream is a terminal. Call it once, first of all.
    """
    target = stream or sys.stderr
    for_people = target.isatty() if human is None else human
    first, last = _first_steps(), _last_steps(for_people)
    handler = logging.StreamHandler(target)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=first,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    logging.basicConfig(handlers=[handler], level=level, force=True)
    logging.captureWarnings(True)
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(max(level, logging.WARNING))
    # Ours need not pass through the standard library, which costs a request more than its line is worth.
    structlog.configure(
        processors=[*first, *last],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(cast("TextIO", _Forgiving(target))),
        cache_logger_on_first_use=False,
    )


class _Forgiving:
    """A stream that loses what it cannot write, on a full disk or into a closed pipe: a thread must not end
    over a line about its work.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> None:
        """As the stream does, or not at all."""
        with suppress(OSError, ValueError):
            self._stream.write(text)

    def flush(self) -> None:
        """As the stream does, or not at all."""
        with suppress(OSError, ValueError):
            self._stream.flush()


def _first_steps() -> list[Processor]:
    """What each line gets wherever it comes from: the request's values, its level, its time."""
    return [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
    ]


def _last_steps(for_people: bool) -> list[Processor]:
    """What each line goes through at the end: nothing leaves unmasked."""
    return [structlog.processors.format_exc_info, mask, _renderer(for_people)]


def _renderer(for_people: bool) -> Processor:
    if for_people:
        return structlog.dev.ConsoleRenderer(
            exception_formatter=structlog.dev.plain_traceback, timestamp_key="time"
        )
    return structlog.processors.JSONRenderer(sort_keys=True, default=str)


# --- masking ---------------------------------------------------------------------------------------


def mask(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A structlog processor: secrets and persons go, under whatever key and however deep they lie."""
    return {key: _masked(key, value, _DEEPEST) for key, value in event.items()}


def mask_text(text: str) -> str:
    """``text`` without e-mails, tokens and invitation links."""
    if not _SUSPECT.search(text):
        return text
    for pattern, stand_in in _SECRET_VALUES:
        text = pattern.sub(stand_in, text)
    return text


def _masked(key: object, value: Any, depth: int) -> Any:
    if str(key).lower().replace("-", "_") in _SECRET_KEYS and value is not None:
        return MASK
    match value:
        case bool() | int() | float() | None:
            return value
        case _ if depth == 0:
            return MASK
        case Mapping():
            return {mask_text(str(k)): _masked(k, v, depth - 1) for k, v in value.items()}
        case list() | tuple() | set() | frozenset():
            return [_masked("", item, depth - 1) for item in value]
        case _:
            return mask_text(str(value))


# --- request ids -----------------------------------------------------------------------------------


def accepted_request_id(offered: str | None, fresh: Callable[[], str]) -> str:
    """A caller's ``X-Request-ID`` if it is 8 to 64 letters, digits, dots, - and _, else a new id."""
    if offered is not None and _REQUEST_ID.fullmatch(offered):
        return offered
    return fresh()


@contextmanager
def bind_request_id(request_id: str, **values: str) -> Iterator[None]:
    """Every line within the block carries the id (and ``values``, such as the tenant)."""
    with structlog.contextvars.bound_contextvars(request_id=request_id, **values):
        yield


def bind_subject(*, tenant: str, user_id: str = "") -> None:
    """From here on the lines of the running request say whom it is about: a tenant of the configuration, a
    user that is there, never what a caller merely named. :func:`forget_subject` ends it.
    """
    known = {"tenant": tenant} | ({"user_id": user_id} if user_id else {})
    structlog.contextvars.bind_contextvars(**known)


def forget_subject() -> None:
    """The next request of this thread is about somebody else."""
    structlog.contextvars.unbind_contextvars("tenant", "user_id")


def current_request_id() -> str:
    """The id that the running request was bound to, empty outside of one."""
    return str(structlog.contextvars.get_contextvars().get("request_id", ""))
