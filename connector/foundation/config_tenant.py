"""One tenant as it is written: its keys, their defaults, and the domain's values they become. It owns
single values; what must fit between tenants is ``config_checks``'s.
"""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StrictBool

from connector.domain.model import Brand, Sender
from connector.foundation.config_addresses import Email, Url
from connector.foundation.config_form import Form
from connector.foundation.config_policy import PolicyForm
from connector.foundation.config_presets import CANONICAL, Preset, shipped_presets
from connector.foundation.config_values import (
    Colour,
    FilePath,
    FilledLine,
    Line,
    LocaleTag,
    Logo,
    PrimaryColour,
    RealmKey,
    TimeZone,
)
from connector.foundation.faults import did_you_mean

_BRAND = Brand()


def _known_preset(value: str) -> str:
    presets = shipped_presets()
    if value not in presets:
        hint = did_you_mean(value, presets) or f"; there are {', '.join(presets)}"
        raise ValueError(f"there is no preset {value!r}{hint}")
    return value


class BrandForm(Form):
    """How a tenant looks. ``primary`` is also the colour of links and headings on white."""

    primary: PrimaryColour = _BRAND.primary
    accent: Colour = _BRAND.accent
    support: Email | None = None
    footer: Line = ""
    logo: Logo | None = None

    def value(self) -> Brand:
        """The domain's form of it."""
        return Brand(
            primary=self.primary,
            accent=self.accent,
            support=self.support or "",
            footer=self.footer,
            logo=self.logo.data if self.logo else None,
        )


class SenderForm(Form):
    """Whom a tenant's mails come from, where that is not the installation."""

    address: Email | None = None
    from_name: Line = ""
    reply_to: Email | None = None

    def value(self) -> Sender:
        """The domain's form of it."""
        return Sender(address=self.address, from_name=self.from_name, reply_to=self.reply_to or "")


class ScimForm(Form):
    """How a tenant's identity provider speaks SCIM, and what it may see."""

    profile: Literal["generic", "entra", "okta", "strict"] = "generic"
    switches: dict[str, str] = Field(default_factory=dict)
    expose_state: StrictBool = False
    discovery_public: StrictBool = False


class TenantForm(Form):
    """One organisation with one branded site."""

    name: FilledLine
    realm: RealmKey
    portal_url: Url
    portal_client: Line = ""
    locale: LocaleTag = "en"
    time_zone: TimeZone = "UTC"
    preset: Annotated[str, AfterValidator(_known_preset)] | None = None
    policy: PolicyForm = PolicyForm()
    brand: BrandForm = BrandForm()
    sender: SenderForm = SenderForm()
    templates: FilePath | None = None
    scim: ScimForm = ScimForm()

    @property
    def chosen(self) -> Preset:
        """The tenant's preset."""
        return CANONICAL if self.preset is None else shipped_presets()[self.preset]

    @property
    def effective_policy(self) -> PolicyForm:
        """The preset's policy with the tenant's own keys over it."""
        return self.policy.over(self.chosen.policy)
