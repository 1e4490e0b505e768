"""The configuration file's shape: which keys there are, how each is written, its default and its range. It
owns single values and pairs within one part; what must fit between parts is ``config_checks``'s.
"""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    Field,
    StrictBool,
    StrictInt,
    ValidationInfo,
    field_validator,
    model_validator,
)

from connector.domain.model import Handover
from connector.foundation.config_addresses import (
    LOCAL_HOSTS,
    BaseUrl,
    Email,
    Hostname,
    Network,
    Origin,
)
from connector.foundation.config_database import DatabaseUrl, check_password
from connector.foundation.config_dkim import DkimSettings
from connector.foundation.config_form import Form
from connector.foundation.config_secret import NO_SECRET, Secret
from connector.foundation.config_tenant import TenantForm
from connector.foundation.config_values import (
    Duration,
    FilePath,
    FilledLine,
    Key,
    Size,
    counting,
    lasting,
    sized,
)

Port = Annotated[StrictInt, counting(1, 65535)]


# --- Keycloak --------------------------------------------------------------------------------------


class Fence(StrEnum):
    """How far the run-time account's rights reach in its realm."""

    STRICT = "strict"
    GROUPS = "groups"
    OFF = "off"


class ClientSettings(Form):
    """A confidential client of a realm whose service account we act as."""

    client_id: FilledLine
    client_secret: Secret


_NOT_BUILT: dict[StrEnum, str] = {Fence.GROUPS: "strict or off"}


def _built(value: StrEnum) -> StrEnum:
    if value in _NOT_BUILT:
        raise ValueError(f"{value} is not built yet; use {_NOT_BUILT[value]}")
    return value


class RealmForm(Form):
    """One realm of a Keycloak."""

    url: BaseUrl
    realm: FilledLine
    fence: Annotated[Fence, AfterValidator(_built)] = Fence.STRICT
    handover: Handover = Handover.BROKER
    runtime: ClientSettings
    setup: ClientSettings
    invite_client_secret: Secret | None = None
    provider_client_secret: Secret | None = None

    @model_validator(mode="after")
    def _provider_has_its_secrets(self) -> "RealmForm":
        """Where Keycloak mails invitations, neither client is there."""
        for name in ("invite_client_secret", "provider_client_secret"):
            if self.handover is Handover.BROKER and getattr(self, name) is None:
                raise ValueError(f"handover: broker needs {name}")
        return self


class RealmSettings(RealmForm):
    """A realm with its key in the configuration, which is the ``{realm}`` of our URLs. A secret that it
    does not need is there, but cannot be read.
    """

    key: Key
    invite_client_secret: Secret = NO_SECRET
    provider_client_secret: Secret = NO_SECRET

    @property
    def is_brokered(self) -> bool:
        """Whether people come in through our provider."""
        return self.handover is Handover.BROKER


class KeycloakForm(Form):
    """Every realm that tenants may live in."""

    realms: dict[Key, RealmForm] = Field(min_length=1)


# --- mail ------------------------------------------------------------------------------------------


class SmtpSettings(Form):
    """The mail server. ``tls``: by STARTTLS, from the first byte, or not at all."""

    host: Hostname
    port: Port = 587
    tls: Literal["starttls", "implicit", "none"] = "starttls"
    user: FilledLine | None = None
    password: Secret | None = None

    @model_validator(mode="after")
    def _login_is_whole_and_safe(self) -> "SmtpSettings":
        if (self.user is None) != (self.password is None):
            raise ValueError("user and password belong together")
        if self.user and self.tls == "none" and self.host not in LOCAL_HOSTS:
            raise ValueError("with tls: none the password would travel in the clear")
        return self


class BounceSettings(Form):
    """Where reports of mails that could not be delivered go. ``address`` is what servers are told as the
    sender, ``tagged`` with the mail's own mark behind a plus; ``maildir`` is a folder that its mails are
    delivered into.
    """

    address: Email
    tagged: StrictBool = True
    maildir: FilePath | None = None

    @model_validator(mode="after")
    def _tag_has_room(self) -> "BounceSettings":
        if self.tagged and len(self.address.rpartition("@")[0]) > _LONGEST_TAGGED:
            raise ValueError(f"tagged leaves at most {_LONGEST_TAGGED} characters before address's @")
        return self


_LONGEST_TAGGED = 64 - 33
"""What a plus and 32 hexadecimal digits leave of a local part (RFC 5321 §4.5.3.1.1)."""


class MailSettings(Form):
    """Where mails go, exactly one of ``smtp`` and ``files``, and whom they come from."""

    smtp: SmtpSettings | None = None
    files: FilePath | None = None
    from_: Email | None = Field(default=None, alias="from")
    allow_default_sender: StrictBool = False
    bounces: BounceSettings | None = None
    dkim: DkimSettings | None = None

    @model_validator(mode="after")
    def _one_way_out(self) -> "MailSettings":
        if (self.smtp is None) == (self.files is None):
            raise ValueError("needs exactly one of smtp and files")
        if self.allow_default_sender and self.from_ is None:
            raise ValueError("allow_default_sender needs from, the address to send from")
        return self


# --- how Usher runs --------------------------------------------------------------------------------


class ServerSettings(Form):
    """Where the web server listens, and whose ``X-Forwarded-For`` it believes."""

    host: Hostname = "127.0.0.1"
    port: Port = 8000
    proxies: tuple[Network, ...] = ()


class ManagementSettings(Form):
    """Where the management port listens, for this machine alone unless told otherwise; 0: nowhere."""

    host: Hostname = "127.0.0.1"
    port: Annotated[StrictInt, counting(0, 65535)] = 9464


class WorkerForm(Form):
    """How the worker drains the outbox."""

    poll: Annotated[Duration, lasting("10ms", "1m")] = 0.25
    lease: Annotated[Duration, lasting("1s", "10m")] = 90.0
    heartbeat: Annotated[Duration, lasting("100ms", "3m")] = 20.0
    account_slots: Annotated[StrictInt, counting(1, 64)] = 8
    mail_slots: Annotated[StrictInt, counting(1, 64)] = 4
    clock_slots: Annotated[StrictInt, counting(1, 64)] = 4
    account_effect: Annotated[Duration, lasting("1s", "5m")] = 45.0
    mail_effect: Annotated[Duration, lasting("1s", "5m")] = 75.0
    longest_backoff: Annotated[Duration, lasting("100ms", "6h")] = 3600.0
    give_up_after: Annotated[Duration, lasting("1s", "7d")] = 86400.0
    breaker_failures: Annotated[StrictInt, counting(2, 100)] = 5
    breaker_pause: Annotated[Duration, lasting("100ms", "1h")] = 30.0
    longest_breaker_pause: Annotated[Duration, lasting("100ms", "6h")] = 300.0
    grace: Annotated[Duration, lasting("1s", "10m")] = 25.0
    keep_finished: Annotated[Duration, lasting("1h", "400d")] = 604800.0
    keep_mails: Annotated[Duration, lasting("1d", "400d")] = 7776000.0
    link_sweep: Annotated[Duration, lasting("1s", "1d")] = 300.0

    @model_validator(mode="after")
    def _lease_outlives_heartbeats(self) -> "WorkerForm":
        if self.lease < 3 * self.heartbeat:
            raise ValueError("lease must be at least three times as long as heartbeat")
        return self

    @model_validator(mode="after")
    def _lease_outlives_effects(self) -> "WorkerForm":
        """Else one that takes that long could never begin."""
        longest = max(self.account_effect, self.mail_effect)
        if self.lease <= longest:
            raise ValueError("lease must be longer than account_effect and mail_effect")
        return self

    @model_validator(mode="after")
    def _breaker_pauses_rise(self) -> "WorkerForm":
        if self.longest_breaker_pause < self.breaker_pause:
            raise ValueError("longest_breaker_pause must not be shorter than breaker_pause")
        return self


class HandoverSettings(Form):
    """Times on the way through Keycloak, in seconds."""

    life: Annotated[Duration, lasting("1s", "24h")] = 1800.0
    link_life: Annotated[Duration, lasting("1s", "1h")] = 900.0
    code_life: Annotated[Duration, lasting("1s", "60s")] = 60.0
    id_token_life: Annotated[Duration, lasting("1s", "60s")] = 60.0
    checks: Annotated[tuple[Annotated[Duration, lasting("100ms", "24h")], ...], Field(min_length=1)] = (
        120.0,
        600.0,
        1800.0,
    )

    @model_validator(mode="after")
    def _order(self) -> "HandoverSettings":
        if self.link_life > self.life:
            raise ValueError("link_life must not be longer than life")
        if list(self.checks) != sorted(set(self.checks)):
            raise ValueError("checks must rise")
        return self


class LimitSettings(Form):
    """What one request may ask for, and how often."""

    form_body: Annotated[Size, sized("4KiB", "1MiB")] = 64 * 1024
    presses_per_browser: Annotated[StrictInt, counting(2, 1000)] = 10
    presses_per_address: Annotated[StrictInt, counting(2, 10_000)] = 60
    presses_per_link: Annotated[StrictInt, counting(2, 10_000)] = 200
    renewals_per_address: Annotated[StrictInt, counting(1, 1000)] = 10
    renewals_per_link: Annotated[StrictInt, counting(1, 1000)] = 30
    bad_links_per_address: Annotated[StrictInt, counting(1, 10_000)] = 20
    fair_share: Annotated[StrictInt, counting(1, 1_000_000)] = 300


# --- the file --------------------------------------------------------------------------------------


class Parts(Form):
    """The parts that are compared with each other, each of which may be absent."""

    keycloak: KeycloakForm | None = None
    mail: MailSettings | None = None
    server: ServerSettings = ServerSettings()
    management: ManagementSettings = ManagementSettings()
    tenants: dict[Key, TenantForm] = Field(default_factory=dict)


class ConfigFile(Form):
    """The whole file. ``include`` names files of one tenant each; its tenants are among ``tenants``."""

    public_url: Origin
    database: DatabaseUrl
    database_password: Secret | None = None
    keys: FilePath
    mappings: FilePath | None = None
    keycloak: KeycloakForm
    mail: MailSettings
    server: ServerSettings = ServerSettings()
    management: ManagementSettings = ManagementSettings()
    worker: WorkerForm = WorkerForm()
    handover: HandoverSettings = HandoverSettings()
    limits: LimitSettings = LimitSettings()
    tenants: dict[Key, TenantForm] = Field(min_length=1)
    include: list[str] | None = None

    @field_validator("database_password")
    @classmethod
    def _password_has_a_use(cls, password: Secret | None, info: ValidationInfo) -> Secret | None:
        check_password(password, info.data.get("database"))
        return password
