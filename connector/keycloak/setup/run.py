"""Plan, apply and remove: walks a table of parts over one realm. It owns the order and who calls; what each
part wants is the part's own. Applying twice writes nothing the second time.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from connector.domain.errors import Forbidden, Misconfigured
from connector.domain.model import Handover
from connector.foundation.config import RealmSettings, Settings
from connector.keycloak.client import AdminClient, Login
from connector.keycloak.setup import removal
from connector.keycloak.setup.actions import required_actions
from connector.keycloak.setup.clients import invite_client, portal_clients, runtime_client, setup_client
from connector.keycloak.setup.fence import fence
from connector.keycloak.setup.flows import deny_flow, redirect_flow
from connector.keycloak.setup.languages import languages
from connector.keycloak.setup.profile import user_profile
from connector.keycloak.setup.provider import identity_provider
from connector.keycloak.setup.realm import mail_server, realm_exists, realm_settings
from connector.keycloak.setup.secrets import is_absent, secret_files
from connector.keycloak.setup.steps import Change, Part, Site, Step

_BEGINNING: tuple[Part, ...] = (
    realm_exists,
    secret_files,
    realm_settings,
    languages,
    mail_server,
    user_profile,
    required_actions,
)
_WAY_IN: Mapping[Handover, tuple[Part, ...]] = {
    Handover.BROKER: (deny_flow, identity_provider, redirect_flow, invite_client),
    Handover.KEYCLOAK_MAIL: (portal_clients, *removal.BROKERING),
}
_ACCOUNTS: tuple[Part, ...] = (runtime_client, setup_client, fence)

PARTS: Mapping[Handover, tuple[Part, ...]] = {
    handover: (*_BEGINNING, *way_in, *_ACCOUNTS) for handover, way_in in _WAY_IN.items()
}
"""What a realm is made of, in the order in which its parts need each other."""

PATIENCE = 60.0
"""Seconds an answer may take: a new realm is the work of some, and of a dozen where the server is busy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SetupAccess:
    """A person who administers Keycloak, in place of the set-up account: needed once, for what makes the
    accounts themselves. ``realm`` is where that person lives.
    """

    user: str
    password: str = field(repr=False)
    realm: str = "master"


def plan(
    settings: Settings,
    realm_key: str,
    access: SetupAccess | None = None,
    *,
    create_realm: bool = False,
) -> list[Change]:
    """What ``apply`` would change now; writes nothing.

    :raises KeyError: there is no such realm in the settings.
    :raises ConfigError: a secret or ``fence`` has to be mended first.
    :raises OutsideError: Keycloak cannot be asked, or the realm is not there.
    """
    site = _site(settings, realm_key, access, create_realm)
    return _planned(site, PARTS[site.realm.handover])


def apply(
    settings: Settings,
    realm_key: str,
    access: SetupAccess | None = None,
    *,
    create_realm: bool = False,
) -> list[Change]:
    """Make the realm as it must be; what was changed. Stops at the first failure; running again goes on.

    :raises KeyError, ConfigError, OutsideError: as ``plan``.
    """
    site = _site(settings, realm_key, access, create_realm)
    return _written(site, PARTS[site.realm.handover])


def plan_removal(settings: Settings, realm_key: str, access: SetupAccess) -> list[Change]:
    """What ``remove`` would take out now; writes nothing.

    :raises KeyError, OutsideError: as ``plan``.
    """
    return _planned(_site(settings, realm_key, access), removal.PARTS)


def remove(settings: Settings, realm_key: str, access: SetupAccess) -> list[Change]:
    """Take out of the realm what ``apply`` made there; what was removed. Stops at the first failure;
    running again goes on.

    :raises KeyError, OutsideError: as ``plan``.
    """
    return _written(_site(settings, realm_key, access), removal.PARTS)


def _planned(site: Site, parts: Iterable[Part]) -> list[Change]:
    changes: list[Change] = []
    for step in _steps(site, parts):
        changes += step.changes
        if step.barrier:
            break
    return changes


def _written(site: Site, parts: Iterable[Part]) -> list[Change]:
    changes: list[Change] = []
    for step in _steps(site, parts):
        _write(step)
        changes += step.changes
    return changes


def _steps(site: Site, parts: Iterable[Part]) -> Iterator[Step]:
    try:
        for part in parts:
            yield from part(site)
    except Forbidden as error:
        raise _not_enough_rights("look at all that has to be compared") from error


def _write(step: Step) -> None:
    try:
        step.write()
    except Forbidden as error:
        raise _not_enough_rights("; ".join(map(str, step.changes))) from error


def _not_enough_rights(todo: str) -> Misconfigured:
    return Misconfigured(
        f"The set-up account may not do this: {todo}. Run 'usher keycloak apply' once as an administrator."
    )


def _site(
    settings: Settings, realm_key: str, access: SetupAccess | None, create_realm: bool = False
) -> Site:
    realm = settings.realms[realm_key]

    def login() -> Login:
        return _as_client(realm) if access is None else _as_person(access)

    return Site(
        settings=settings,
        realm=realm,
        admin=AdminClient(realm, login, patience=PATIENCE),
        create_realm=create_realm,
        as_administrator=access is not None,
    )


def _as_person(access: SetupAccess) -> Login:
    return Login(realm=access.realm, client_id="admin-cli", user=access.user, password=access.password)


def _as_client(realm: RealmSettings) -> Login:
    setup = realm.setup
    if is_absent(setup.client_secret):
        raise Misconfigured(
            f"There is no set-up account in realm '{realm.realm}' yet. Run 'usher keycloak apply' once as "
            "an administrator, which makes it."
        )
    return Login(realm=realm.realm, client_id=setup.client_id, client_secret=setup.client_secret.read())
