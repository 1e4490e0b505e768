"""Makes the values that tests speak of; every default is a plain, legal one."""

from dataclasses import replace
from typing import Any

from connector.application.service import Service
from connector.application.share import FairShare
from connector.domain.decision import Facts
from connector.domain.document import Index, fold, index_of
from connector.domain.mapping import AccountMapping, AccountRule, Presence
from connector.domain.model import (
    Actor,
    ActorKind,
    Invitation,
    PortalUser,
    Profile,
    State,
    Tenant,
    TenantId,
    UserId,
)
from connector.domain.policy import Policy
from connector.foundation.mail_address import domain_of

NOW = 1_800_000_000.0
ACME = TenantId("acme")
OTHER = TenantId("other")
ADA = UserId("0b5c1a5e-0000-4000-8000-000000000001")

OPERATOR = Actor(kind=ActorKind.OPERATOR, name="olga")
ORG_ADMIN = Actor(kind=ActorKind.ORG_ADMIN, name="oskar@acme.example")
SYSTEM = Actor(kind=ActorKind.SYSTEM, name="scim:entra")
PERSON = Actor(kind=ActorKind.USER, name="user")

MAPPING = AccountMapping(
    user_name="{userName}",
    attributes={"usher.id": "{tenant}:{id}", "usher.state": "{state}"},
    rules={
        State.DRAFT: AccountRule(account=Presence.ABSENT),
        State.PENDING: AccountRule(
            account=Presence.ENABLED, required_actions=frozenset({"VERIFY_EMAIL", "UPDATE_PASSWORD"})
        ),
        State.EXPIRED: AccountRule(account=Presence.DISABLED),
        State.ACTIVE: AccountRule(account=Presence.ENABLED),
        State.DISABLED: AccountRule(account=Presence.DISABLED),
        State.DELETED: AccountRule(account=Presence.ABSENT),
    },
)


class FakeClock:
    """A clock that stands until it is moved."""

    def __init__(self, now: float = NOW) -> None:
        self.time = now

    def now(self) -> float:
        return self.time

    def move(self, seconds: float) -> None:
        self.time += seconds


class CountingIds:
    """Ids that are all different and the same in each run."""

    def __init__(self) -> None:
        self._count = 0

    def user_id(self) -> UserId:
        self._count += 1
        return UserId(f"0b5c1a5e-0000-4000-8000-{self._count:012d}")

    def token(self, bits: int) -> str:
        self._count += 1
        return f"{self._count:0{bits // 4}x}"


class FixedTenants:
    """A given set of tenants."""

    def __init__(self, *tenants: Tenant) -> None:
        self._tenants = {one.id: one for one in tenants}

    def get(self, tenant: TenantId) -> Tenant | None:
        return self._tenants.get(tenant)

    def all(self) -> list[Tenant]:
        return [self._tenants[key] for key in sorted(self._tenants)]

    def put(self, tenant: Tenant) -> None:
        self._tenants[tenant.id] = tenant


def a_tenant(tenant: TenantId = ACME, *, realm: str = "main", **policy: Any) -> Tenant:
    return Tenant(
        id=tenant,
        name="Acme GmbH",
        realm=realm,
        portal_url="https://portal.example.com/acme",
        policy=Policy(**policy),
    )


def a_profile(user_name: str = "ada@acme.example", **values: Any) -> Profile:
    given = {"email": user_name, "given_name": "Ada", "family_name": "Lovelace", "display_name": "Ada L."}
    return Profile(user_name=user_name, **given | values)


def a_document(profile: Profile) -> dict[str, Any]:
    return {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "userName": profile.user_name,
        "name": {"givenName": profile.given_name, "familyName": profile.family_name},
        "displayName": profile.display_name,
        "emails": [{"type": "work", "value": profile.email, "primary": True}] if profile.email else [],
    }


def a_user(user_name: str = "ada@acme.example", *, tenant: TenantId = ACME, **values: Any) -> PortalUser:
    profile = values.pop("profile", None) or a_profile(user_name)
    defaults: dict[str, Any] = {"id": ADA, "created_at": NOW, "modified_at": NOW}
    return PortalUser(tenant=tenant, profile=profile, document=a_document(profile), **defaults | values)


def an_invitation(generation: int = 1, **values: Any) -> Invitation:
    defaults: dict[str, Any] = {
        "id": "a" * 32,
        "address": "ada@acme.example",
        "locale": "en",
        "issued_at": NOW,
        "expires_at": NOW + 7 * 86400,
        "inviter": "olga",
    }
    return Invitation(generation=generation, **defaults | values)


def facts(tenant: Tenant | None = None, *, now: float = NOW, **values: Any) -> Facts:
    return Facts(
        tenant=tenant or a_tenant(), now=now, invitation_id="b" * 32, mail_domain=domain_of, **values
    )


def index(user: PortalUser, *, realm: str = "main") -> Index:
    made = index_of(user.profile, user.document, realm=realm, account_name=user.profile.user_name)
    return replace(made, account_name=fold(user.profile.user_name))


def command(asked: type[Any], /, *, actor: Actor = OPERATOR, user: UserId = ADA, **values: Any) -> Any:
    """A command on Ada of Acme, by an operator at the command line unless said otherwise."""
    defaults = {"tenant": ACME, "source": "cli", "request_id": "request-1"}
    return asked(user_id=user, actor=actor, **defaults | values)


def a_service(
    store: Any, *tenants: Tenant, clock: FakeClock | None = None, share: FairShare | None = None
) -> Service:
    known = FixedTenants(*(tenants or (a_tenant(), a_tenant(OTHER))))
    return Service(store, known, MAPPING, clock or FakeClock(), CountingIds(), share)
