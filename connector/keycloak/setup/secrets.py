"""The secrets that Usher and Keycloak share: makes absent files. It owns no secret's use, and never
shows or overwrites one.
"""

import secrets
from collections.abc import Iterator
from functools import partial

from connector.foundation.config import Secret
from connector.foundation.private_files import make_private_folder, write_private
from connector.keycloak.setup.steps import Site, Step, step

BYTES = 32
"""256 bit."""


def secret_files(site: Site) -> Iterator[Step]:
    """Every secret file of the realm that is not there yet."""
    realm = site.realm
    wanted = [realm.runtime.client_secret]
    if realm.is_brokered:
        wanted += [realm.invite_client_secret, realm.provider_client_secret]
    if site.as_administrator:
        wanted.append(realm.setup.client_secret)
    for secret in wanted:
        if is_absent(secret):
            yield step(f"secret {secret.source}", "make it", partial(_make, secret))


def is_absent(secret: Secret) -> bool:
    """Whether the secret is a file that is not there."""
    return secret.path is not None and secret.is_missing


def _make(secret: Secret) -> None:
    if secret.path is not None:
        make_private_folder(secret.path.parent)
        write_private(secret.path, secrets.token_hex(BYTES).encode())
