"""What must fit between parts of a configuration: a table of rules, each over all that is sound by itself.
It owns these rules; what a single value may be is ``config_model``'s.
"""

from collections.abc import Callable, Iterator

from connector.foundation.config_form import Place
from connector.foundation.config_model import Parts
from connector.foundation.config_policy import contradictions

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


RULES: tuple[Rule, ...] = (
    _policies_are_possible,
    _recovery_is_one_per_realm,
    _realms_are_apart,
    _listeners_are_apart,
    _senders_can_be_signed,
)
