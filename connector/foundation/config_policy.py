"""A tenant's policy as it is written: one field a key. It owns the keys, their ranges and which switches
exclude each other; what they do is the lifecycle's.
"""

from collections.abc import Iterator
from dataclasses import fields
from typing import Annotated, Literal

from pydantic import StrictBool

from connector.domain.policy import (
    HOUR,
    DeletePolicy,
    EmailChange,
    EmailVerification,
    InvitePolicy,
    LinkUse,
    Policy,
    Reenable,
    View,
)
from connector.foundation.config_form import Form
from connector.foundation.config_policy_values import (
    BulkActions,
    ConfirmedActions,
    DraftAccount,
    EmailDomains,
    EmailDomainsForm,
    OrgAdminActions,
    OrgAdminsForm,
    Reminder,
    SignIn,
    SignInForm,
)
from connector.foundation.config_values import Duration, lasting

_DEFAULT = Policy()
_REMINDED_IF_LONGER = 96 * HOUR


class PolicyForm(Form):
    """The switches of ``connector/domain/policy.py`` by the keys they are written with."""

    invite: InvitePolicy = _DEFAULT.invite
    invitation_life: Annotated[Duration, lasting("1h", "30d")] = _DEFAULT.invitation_life
    reminder: Reminder = _DEFAULT.reminder
    link_use: LinkUse = _DEFAULT.link_use
    self_renew: StrictBool = _DEFAULT.self_renew
    resend_interval: Annotated[Duration, lasting("0s", "24h")] = _DEFAULT.resend_interval
    email_verification: EmailVerification = _DEFAULT.email_verification
    sign_in: SignIn = SignInForm()
    view: View = _DEFAULT.view
    reenable: Reenable = _DEFAULT.reenable
    delete: DeletePolicy = _DEFAULT.delete
    grace: Annotated[Duration, lasting("0s", "365d")] = _DEFAULT.grace
    email_change: EmailChange = _DEFAULT.email_change
    org_admins: OrgAdminsForm = OrgAdminsForm()
    org_admin_can: OrgAdminActions = _DEFAULT.org_admin_can
    admin_reset_password: StrictBool = _DEFAULT.admin_reset_password
    password_recovery: StrictBool = _DEFAULT.password_recovery
    bulk: BulkActions = _DEFAULT.bulk
    confirm: ConfirmedActions = _DEFAULT.confirm
    draft_account: DraftAccount = _DEFAULT.draft_account
    console_delete: Literal["quarantine", "draft"] = "quarantine"
    email_domains: EmailDomains = EmailDomainsForm()

    def over(self, base: "PolicyForm") -> "PolicyForm":
        """``base`` with every key that was written here in its place."""
        own = {name: getattr(self, name) for name in self.model_fields_set}
        return base.model_copy(update=own)

    def policy(self) -> Policy:
        """The domain's policy."""
        same = {field.name for field in fields(Policy)} & type(self).model_fields.keys()
        values = {name: getattr(self, name) for name in same} | {
            "org_admins": self.org_admins.value(),
            "sso": self.sign_in.value(),
            "email_domains_allow": self.email_domains.allow,
            "email_domains_deny": self.email_domains.deny,
        }
        return Policy(**values)


def contradictions(policy: Policy) -> Iterator[tuple[str, str]]:
    """Switches that exclude each other, as (key, sentence)."""
    if policy.sso and policy.reenable is Reenable.REINVITE:
        yield "reenable", "reinvite cannot stand beside sign_in sso: nobody is invited there"
    admins = policy.org_admins
    if admins.max is not None and admins.min > admins.max:
        yield "org_admins", "min must not be greater than max"
    life = policy.invitation_life
    if policy.reminder is not None and life > _REMINDED_IF_LONGER and policy.reminder >= life:
        yield "reminder", "must be shorter than invitation_life"
