"""The key that signs mails, as a configuration names it. It owns which keys are taken; how a mail is signed
is the mail room's.
"""

from typing import Annotated

from pydantic import AfterValidator, field_validator

from connector.foundation.config_addresses import Domain, parse_domain
from connector.foundation.config_form import Form
from connector.foundation.config_secret import Secret
from connector.foundation.faults import ConfigError

_SMALLEST, _LARGEST = 2048, 4096
"""Bits. Verifiers need not take more than 2048 (RFC 8301 §3.2), and many records in DNS hold no more."""


def _parse_selector(value: str) -> str:
    try:
        return parse_domain(value)
    except ValueError:
        raise ValueError("must be a name in DNS like usher or 2026.mail") from None


Selector = Annotated[str, AfterValidator(_parse_selector)]


class DkimSettings(Form):
    """Who signs: ``selector._domainkey.domain`` in DNS holds the public part of ``key``, RSA in PEM."""

    domain: Domain
    selector: Selector
    key: Secret

    @field_validator("key")
    @classmethod
    def _key_is_one(cls, key: Secret) -> Secret:
        try:
            _pem_of(key)
        except ConfigError as error:
            raise ValueError("; ".join(fault.message for fault in error.faults)) from None
        return key

    def pem(self) -> bytes:
        """The private key (PKCS #1, PEM): never to be shown.

        :raises ConfigError: it cannot be read, or is none that we take.
        """
        return _pem_of(self.key)

    def signs_for(self, address: str) -> bool:
        """Whether mails from ``address`` are signed as its own domain: receivers compare the two (RFC 7489
        §3.1.1, relaxed, where one may be a part of the other).
        """
        sender, signer = f".{address.rpartition('@')[2].lower()}", f".{self.domain}"
        return sender.endswith(signer) or signer.endswith(sender)


def _pem_of(key: Secret) -> bytes:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        NoEncryption,
        PrivateFormat,
        load_pem_private_key,
    )

    try:
        loaded = load_pem_private_key(key.read().encode(), password=None)
    except (ValueError, TypeError):
        raise ConfigError.of("must be a private key in PEM without a password", file=key.path) from None
    if not isinstance(loaded, RSAPrivateKey) or not _SMALLEST <= loaded.key_size <= _LARGEST:
        raise ConfigError.of(f"must be an RSA key of {_SMALLEST} to {_LARGEST} bits", file=key.path)
    return loaded.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
