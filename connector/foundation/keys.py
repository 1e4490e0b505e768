"""Usher's key files: the one that mailed links are sealed with and those that ID tokens are signed with. It
owns making and loading them; it must not know what is sealed or signed.
"""

import json
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from joserfc.errors import JoseError
from joserfc.jwk import RSAKey

from connector.foundation.faults import ConfigError
from connector.foundation.private_files import make_private_folder, read_private, write_private

LINK_KEY_FILE = "links.key"
LINK_KEY_BYTES = 32
SIGNING_KEY_FILES = "oidc-*.json"
SIGNING_ALGORITHM = "RS256"
_RSA_BITS = 2048
_MADE_BY = "keys are made by `usher init`"

Jwk = dict[str, Any]
"""A JSON Web Key (RFC 7517) as a dict."""


@dataclass(frozen=True, slots=True)
class LinkKey:
    """The key of ``links.key``; never shown."""

    value: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKeys:
    """``current`` is the private key to sign with; ``published`` are the public halves of all that are
    there, so that tokens signed with an older or another machine's key stay good.
    """

    current: Jwk = field(repr=False)
    published: tuple[Jwk, ...]


def create_keys(folder: Path) -> None:
    """Make the keys that are absent, each with mode 0600; never overwrites one."""
    make_private_folder(folder)
    write_private(folder / LINK_KEY_FILE, secrets.token_bytes(LINK_KEY_BYTES))
    if not _signing_key_files(folder):
        key = RSAKey.generate_key(
            _RSA_BITS,
            parameters={"use": "sig", "alg": SIGNING_ALGORITHM},
            private=True,
            auto_kid=True,
        )
        text = json.dumps(key.as_dict(private=True), indent=1)
        write_private(folder / f"oidc-{key.kid}.json", text.encode())


def load_link_key(folder: Path) -> LinkKey:
    """The key for mailed links.

    :raises ConfigError: it is absent, readable by others, or not 32 bytes long.
    """
    path = folder / LINK_KEY_FILE
    value = _read(path)
    if len(value) != LINK_KEY_BYTES:
        raise ConfigError.of(f"must be exactly {LINK_KEY_BYTES} bytes long", file=path)
    return LinkKey(value)


def load_signing_keys(folder: Path) -> SigningKeys:
    """Every ``oidc-<kid>.json``. The one with the latest ``nbf`` (epoch seconds, a JWK member registered by
    OpenID Federation 1.0 §8.7.2; absent: 0) signs.

    :raises ConfigError: there is none, or one is readable by others or no private RS256 key.
    """
    paths = _signing_key_files(folder)
    if not paths:
        raise ConfigError.of(f"there is no {SIGNING_KEY_FILES} in it; {_MADE_BY}", file=folder)
    pairs = [(_signing_key(path), path) for path in paths]
    newest, _ = max(pairs, key=lambda pair: (pair[0].get("nbf", 0), pair[0]["kid"]))
    return SigningKeys(current=newest, published=tuple(_public(key) for key, _ in pairs))


def _signing_key_files(folder: Path) -> list[Path]:
    return sorted(folder.glob(SIGNING_KEY_FILES))


def _signing_key(path: Path) -> Jwk:
    """The private key in a file, once it was found to be a whole one."""
    try:
        jwk: Jwk = json.loads(_read(path))
        key = RSAKey.import_key(jwk)
    except (ValueError, TypeError, AttributeError, JoseError):
        raise ConfigError.of("is not a JSON Web Key of an RSA pair", file=path) from None
    if not key.is_private or jwk.get("alg") != SIGNING_ALGORITHM or not jwk.get("kid"):
        message = f"must be a private key with alg {SIGNING_ALGORITHM} and a kid"
        raise ConfigError.of(message, file=path)
    return jwk


def _public(jwk: Jwk) -> Jwk:
    """The members that others may see; anything else in the file stays in it."""
    return {name: jwk[name] for name in ("kty", "use", "alg", "kid", "n", "e") if name in jwk}


def _read(path: Path) -> bytes:
    try:
        is_there = path.exists()
    except OSError as error:
        raise ConfigError.of(f"cannot be read: {error.strerror}", file=path) from None
    if not is_there:
        raise ConfigError.of(f"the key is not there; {_MADE_BY}", file=path)
    return read_private(path)
