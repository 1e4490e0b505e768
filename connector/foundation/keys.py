"""Usher's key files: those that mailed links are sealed with and those that ID tokens are signed with. It
owns making, reading and removing them; which of several does what, and when, is ``key_lives.py``'s.

================  =============================================================================
``links.key``     32 random bytes, from the beginning
``links-N.key``   the same, for links from N (epoch seconds) on
``oidc-K.json``   an RSA pair as JSON Web Key (RFC 7517); K is its ``kid``, its member ``nbf`` (epoch
                  seconds, registered by OpenID Federation 1.0 §8.7.2; absent: 0) when it begins to sign
================  =============================================================================
"""

import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from joserfc.errors import JoseError
from joserfc.jwk import RSAKey

from connector.foundation.faults import ConfigError
from connector.foundation.private_files import make_private_folder, read_private, write_private

LINK_KEY_FILES = "links*.key"
LINK_KEY_BYTES = 32
SIGNING_KEY_FILES = "oidc-*.json"
SIGNING_ALGORITHM = "RS256"
_FIRST_LINK_KEY = "links.key"
_RSA_BITS = 2048
_MADE_BY = "keys are made by `usher init`"

Jwk = dict[str, Any]
"""A JSON Web Key (RFC 7517) as a dict."""


@dataclass(frozen=True, slots=True)
class LinkKey:
    """A key for mailed links, for those from ``since`` (epoch seconds) on; never shown."""

    value: bytes = field(repr=False)
    since: float = 0.0
    file: Path = Path(_FIRST_LINK_KEY)

    def at(self, when: float | None = None) -> "LinkKey":
        """See :class:`~connector.foundation.links.LinkKeys`: where there is but one, it is always this."""
        return self

    def all(self) -> Sequence["LinkKey"]:
        """See :class:`~connector.foundation.links.LinkKeys`."""
        return (self,)


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKey:
    """A private key that signs from ``since`` (epoch seconds) on; never shown. ``public`` are the members
    of its JSON Web Key that others may see; anything else in the file stays in it.
    """

    kid: str
    key: RSAKey = field(repr=False)
    public: Jwk
    since: float
    file: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKeys:
    """``current`` is the private key to sign with; ``published`` are the public halves of all whose tokens
    are good.
    """

    current: RSAKey = field(repr=False)
    published: tuple[Jwk, ...]


# --- making ----------------------------------------------------------------------------------------


def create_keys(folder: Path) -> None:
    """Make the keys that are absent, each with mode 0600; never overwrites one."""
    make_private_folder(folder)
    if not _files(folder, LINK_KEY_FILES):
        write_private(folder / _FIRST_LINK_KEY, secrets.token_bytes(LINK_KEY_BYTES))
    if not _files(folder, SIGNING_KEY_FILES):
        create_signing_key(folder, since=0)


def create_link_key(folder: Path, *, since: int) -> Path:
    """Make one more key for links, in a file of its own."""
    path = folder / f"links-{since}.key"
    write_private(path, secrets.token_bytes(LINK_KEY_BYTES))
    return path


def create_signing_key(folder: Path, *, since: int) -> Path:
    """Make one more pair, in a file of its own."""
    key = RSAKey.generate_key(
        _RSA_BITS, parameters={"use": "sig", "alg": SIGNING_ALGORITHM}, private=True, auto_kid=True
    )
    jwk = key.as_dict(private=True) | ({"nbf": since} if since else {})
    path = folder / f"oidc-{key.kid}.json"
    write_private(path, json.dumps(jwk, indent=1).encode())
    return path


# --- reading ---------------------------------------------------------------------------------------


def load_link_keys(folder: Path) -> tuple[LinkKey, ...]:
    """Every key for links, by the time from which on it counts.

    :raises ConfigError: there is none, or one is readable by others or not 32 bytes long.
    """
    keys = (_link_key(path) for path in _some_files(folder, LINK_KEY_FILES, _FIRST_LINK_KEY))
    return tuple(sorted(keys, key=lambda key: key.since))


def load_signing_keys(folder: Path) -> tuple[SigningKey, ...]:
    """Every pair, by the time from which on it signs.

    :raises ConfigError: there is none, or one is readable by others or no private RS256 key.
    """
    keys = (_signing_key(path) for path in _some_files(folder, SIGNING_KEY_FILES, SIGNING_KEY_FILES))
    return tuple(sorted(keys, key=lambda key: (key.since, key.kid)))


def _files(folder: Path, pattern: str) -> list[Path]:
    return sorted(folder.glob(pattern))


def _some_files(folder: Path, pattern: str, name: str) -> list[Path]:
    try:
        found = _files(folder, pattern)
    except OSError as error:
        raise ConfigError.of(f"cannot be read: {error.strerror}", file=folder) from None
    if not found:
        raise ConfigError.of(f"there is no {name} in it; {_MADE_BY}", file=folder)
    return found


def _link_key(path: Path) -> LinkKey:
    value = read_private(path)
    if len(value) != LINK_KEY_BYTES:
        raise ConfigError.of(f"must be exactly {LINK_KEY_BYTES} bytes long", file=path)
    return LinkKey(value, _since_of(path), path)


def _since_of(path: Path) -> float:
    """When a key for links begins, by its file's name."""
    if path.name == _FIRST_LINK_KEY:
        return 0.0
    digits = path.stem.removeprefix("links-")
    if not (digits.isascii() and digits.isdigit()):
        raise ConfigError.of("must be called links.key or links-N.key, N in epoch seconds", file=path)
    return float(digits)


def _signing_key(path: Path) -> SigningKey:
    """The pair in a file, once it was found to be a whole one."""
    try:
        jwk: Jwk = json.loads(read_private(path))
        key = RSAKey.import_key(jwk)
        since = float(jwk.get("nbf", 0))
    except (ValueError, TypeError, AttributeError, JoseError):
        raise ConfigError.of("is not a JSON Web Key of an RSA pair", file=path) from None
    if not key.is_private or jwk.get("alg") != SIGNING_ALGORITHM or not jwk.get("kid"):
        message = f"must be a private key with alg {SIGNING_ALGORITHM} and a kid"
        raise ConfigError.of(message, file=path)
    public: Jwk = {name: jwk[name] for name in ("kty", "use", "alg", "kid", "n", "e") if name in jwk}
    return SigningKey(kid=str(jwk["kid"]), key=key, public=public, since=since, file=path)
