"""The required actions that the mapping asks of invited people: switched on in the realm, because Keycloak
passes over one that is off without a word. It owns that switch and nothing else of an action, and switches
none off.
"""

from collections.abc import Iterator
from functools import partial

from connector.domain.errors import Misconfigured
from connector.domain.model import State
from connector.keycloak.client import path
from connector.keycloak.setup.steps import Site, Step, step

PROOF = "VERIFY_EMAIL"
"""Asked in any case where Keycloak mails the invitation."""


def required_actions(site: Site) -> Iterator[Step]:
    """Each that a tenant of the realm asks for (``…/authentication/required-actions``).

    :raises Misconfigured: the realm does not know one.
    """
    known = {action["alias"]: action for action in site.admin.list("authentication/required-actions")}
    for name in sorted(_asked(site)):
        if name not in known:
            raise Misconfigured(
                f"The realm '{site.realm.realm}' knows no required action '{name}'. Correct "
                "required-actions.yaml, or register it in Keycloak's console under Authentication."
            )
        if not known[name].get("enabled"):
            here = path("authentication", "required-actions", name)
            body = {**known[name], "enabled": True}
            yield step(f"required action {name}", "switch it on", partial(site.admin.put, here, body))


def _asked(site: Site) -> frozenset[str]:
    mapping = site.settings.mapping
    rules = (mapping.rule(State.PENDING, tenant.policy) for tenant in site.tenants)
    asked = frozenset().union(*(rule.required_actions for rule in rules))
    return asked if site.realm.is_brokered else asked | {PROOF}
