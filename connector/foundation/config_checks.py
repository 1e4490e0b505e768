"""What must fit between parts of a configuration: a table of rules, each over all that is sound by itself.
It owns these rules; what a single value may be is ``config_model``'s.
"""

from collections.abc import Callable, Iterator

from connector.domain.model import Handover
from connector.domain.policy import EmailVerification, LinkUse
from connector.foundation.config_form import Place
from connector.foundation.config_model import Parts
from connector.foundation.config_policy import contradictions
from connector.foundation.config_tenant import TenantForm

Finding = tuple[Place, str]
Rule = Callable[[Parts], Iterator[Finding]]


def check_parts(parts: Parts) -> Iterator[Finding]:
    """Everything that does not fit, as (place, sentence)."""
    for rule in RULES:
        yield from rule(parts)


def _policies_are_possible(parts: Parts) -> Iterator[Finding]:
    for tenant_id, tenant in parts.tenants.items():
        for key, text in contradictions(tenant.effective_policy.policy()):
            yield ("tenants", tenant_id, "policy", key), text


def _recovery_is_one_per_realm(parts: Parts) -> Iterator[Finding]:
    """Keycloak's "forgot password" is a switch of the realm."""
    first: dict[str, tuple[str, bool]] = {}
    for tenant_id, tenant in parts.tenants.items():
        wanted = tenant.effective_policy.password_recovery
        other, position = first.setdefault(tenant.realm, (tenant_id, wanted))
        if wanted is not position:
            place = ("tenants", tenant_id, "policy", "password_recovery")
            yield (
                place,
                (
                    f"must be as in tenant {other!r}: both are in realm {tenant.realm!r}, "
                    "where one switch serves all"
                ),
            )


def _realms_are_apart(parts: Parts) -> Iterator[Finding]:
    first: dict[tuple[str, str], str] = {}
    for key, realm in (parts.keycloak.realms if parts.keycloak else {}).items():
        other = first.setdefault((realm.url, realm.realm), key)
        if other != key:
            yield ("keycloak", "realms", key), f"is the same realm of the same Keycloak as {other!r}"


def _listeners_are_apart(parts: Parts) -> Iterator[Finding]:
    if parts.management.port == parts.server.port:
        yield ("management", "port"), f"must not be the web server's, {parts.server.port}"


def _senders_can_be_signed(parts: Parts) -> Iterator[Finding]:
    """A signature of another domain than the sender's is worth nothing to who gets the mail."""
    dkim = parts.mail.dkim if parts.mail else None
    if parts.mail is None or dkim is None:
        return
    senders: list[tuple[Place, str | None]] = [(("mail", "from"), parts.mail.from_)]
    for tenant_id, tenant in parts.tenants.items():
        senders.append((("tenants", tenant_id, "sender", "address"), tenant.sender.address))
    for place, address in senders:
        if address and not dkim.signs_for(address):
            yield place, f"must be in {dkim.domain}, as which mail.dkim signs"


def _keycloak_mails_fit(parts: Parts) -> Iterator[Finding]:
    """Where Keycloak mails the link, neither its use nor the proof of the mailbox is ours to choose."""
    realms = parts.keycloak.realms if parts.keycloak else {}
    for tenant_id, tenant in parts.tenants.items():
        realm = realms.get(tenant.realm)
        if realm is not None:
            for place, text in _MAIL_RULES[realm.handover](tenant):
                yield ("tenants", tenant_id, *place), f"{text} (realm {tenant.realm!r})"


def _beside_keycloak_mail(tenant: TenantForm) -> Iterator[Finding]:
    policy = tenant.effective_policy
    if policy.link_use is LinkUse.FIRST_PRESS:
        yield (
            ("policy", "link_use"),
            "first_press cannot stand beside handover keycloak_mail: the link is Keycloak's",
        )
    if policy.email_verification is EmailVerification.INVITATION:
        yield (
            ("policy", "email_verification"),
            "must be keycloak beside handover keycloak_mail: its mail proves the mailbox",
        )


def _beside_broker(tenant: TenantForm) -> Iterator[Finding]:
    if tenant.portal_client:
        yield ("portal_client",), "has no use beside handover broker: leave it out"


_MAIL_RULES: dict[Handover, Callable[[TenantForm], Iterator[Finding]]] = {
    Handover.BROKER: _beside_broker,
    Handover.KEYCLOAK_MAIL: _beside_keycloak_mail,
}

RULES: tuple[Rule, ...] = (
    _policies_are_possible,
    _recovery_is_one_per_realm,
    _realms_are_apart,
    _keycloak_mails_fit,
    _listeners_are_apart,
    _senders_can_be_signed,
)
