"""Where the database is: a file of SQLite's, or a PostgreSQL whose password, or whole address, is a secret.
It owns the forms of the setting; it opens no connection.
"""

from typing import Annotated, Any
from urllib.parse import parse_qs, quote, urlsplit

from pydantic import PlainSerializer, PlainValidator, ValidationInfo

from connector.foundation.config_secret import Secret
from connector.foundation.config_values import Surroundings, parse_sqlite_url
from connector.foundation.faults import ConfigError

_SCHEMES = frozenset({"postgresql", "postgresql+psycopg"})
_HOW = (
    "must be sqlite:///FILE, postgresql://USER@HOST/DATABASE, or that as a secret (file:PATH or env:NAME)"
)
_IN_THE_CLEAR = "a password never stands in the configuration itself: use database_password"


def parse_database(value: Any, info: ValidationInfo) -> str | Secret:
    """A URL without a password, or where the whole URL is; a SQLite file's is made absolute."""
    if isinstance(value, Secret):
        return value
    text = value if isinstance(value, str) else ""
    if text.startswith(("file:", "env:")):
        return Secret.parse(text, Surroundings.of(info).folder)
    if text.startswith("sqlite:"):
        return parse_sqlite_url(text, info)
    if not _is_postgresql(text):
        raise ValueError(_HOW)
    if _has_password(text):
        raise ValueError(_IN_THE_CLEAR)
    return text


def check_password(password: Secret | None, database: str | Secret | None) -> None:
    """:raises ValueError: there is no use for the password."""
    if password is None or database is None:
        return
    if not isinstance(database, str) or not _is_postgresql(database):
        raise ValueError("belongs to a postgresql:// address")
    if not urlsplit(database).username:
        raise ValueError("needs a user in the address: postgresql://USER@HOST/DATABASE")


def finished_url(database: str | Secret, password: Secret | None) -> str:
    """The URL to connect with, secrets and all.

    :raises ConfigError: a secret cannot be read, or is no URL of a database.
    """
    if isinstance(database, Secret):
        url = database.read()
        if not _is_postgresql(url):
            raise ConfigError.of(f"{database.source}: must hold postgresql://USER:PASSWORD@HOST/DATABASE")
        if url.count("@") > 1 or "@" in urlsplit(url).path:
            raise ConfigError.of(f"{database.source}: write an @ in the password as %40, a / as %2F")
        return url
    if password is None:
        return database
    parts = urlsplit(database)
    user, _, place = parts.netloc.rpartition("@")
    return parts._replace(netloc=f"{user}:{quote(password.read(), safe='')}@{place}").geturl()


def _is_postgresql(text: str) -> bool:
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return parts.scheme in _SCHEMES and len(parts.path) > 1


def _has_password(text: str) -> bool:
    parts = urlsplit(text)
    return bool(parts.password) or bool({"password", "sslpassword"} & parse_qs(parts.query).keys())


DatabaseUrl = Annotated[
    str | Secret,
    PlainValidator(parse_database, json_schema_input_type=str),
    PlainSerializer(lambda value: value.source if isinstance(value, Secret) else value),
]
