"""Usher's settings: loads the configuration file into finished values, or says all that is wrong with it at
once. It owns the way from file to settings and opens no connection; the file's shape is ``config_model``'s.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from connector.domain.mapping import AccountMapping
from connector.domain.model import Handover, State, Tenant, TenantId
from connector.foundation.config_checks import check_parts
from connector.foundation.config_database import finished_url
from connector.foundation.config_dkim import DkimSettings
from connector.foundation.config_form import FormError, fill, sound_part
from connector.foundation.config_model import (
    BounceSettings,
    ClientSettings,
    ConfigFile,
    Fence,
    HandoverSettings,
    LimitSettings,
    MailSettings,
    ManagementSettings,
    Parts,
    RealmForm,
    RealmSettings,
    ServerSettings,
    SmtpSettings,
    WorkerForm,
)
from connector.foundation.config_secret import Secret
from connector.foundation.config_source import ConfigSource, read_source
from connector.foundation.config_tenant import TenantForm
from connector.foundation.config_values import Surroundings
from connector.foundation.faults import ConfigError, Fault
from connector.foundation.mapping_files import load_account_mapping

__all__ = [
    "BounceSettings",
    "ClientSettings",
    "ConfigError",
    "DkimSettings",
    "Fault",
    "Fence",
    "Handover",
    "HandoverSettings",
    "LimitSettings",
    "MailSettings",
    "ManagementSettings",
    "RealmSettings",
    "Secret",
    "ServerSettings",
    "Settings",
    "SmtpSettings",
    "TemplateCheck",
    "TenantCheck",
    "WorkerForm",
    "json_schema",
    "load",
]

TenantCheck = Callable[[Tenant], object]
"""Another room's rule on a tenant's ``scim`` settings; raises ``ValueError`` with a sentence."""

TemplateCheck = Callable[[Tenant, Path], Iterable[Fault]]
"""What another room finds wrong with a tenant's folder of templates."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """A whole installation. ``public_url`` has no slash at its end; ``labels`` are each tenant's words for
    the states, ``templates`` the folders of those tenants that have mails of their own.
    """

    public_url: str
    database: str | Secret
    keys: Path
    realms: Mapping[str, RealmSettings]
    mail: MailSettings
    tenants: Mapping[TenantId, Tenant]
    mapping: AccountMapping
    limits: LimitSettings = field(default_factory=LimitSettings)
    handover: HandoverSettings = field(default_factory=HandoverSettings)
    server: ServerSettings = field(default_factory=ServerSettings)
    management: ManagementSettings = field(default_factory=ManagementSettings)
    worker: WorkerForm = field(default_factory=WorkerForm)
    labels: Mapping[TenantId, Mapping[State, str]] = field(default_factory=dict)
    templates: Mapping[TenantId, Path] = field(default_factory=dict)
    database_password: Secret | None = None
    shown: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def brokered_realms(self) -> Mapping[str, RealmSettings]:
        """Those into which people come through our provider, by key."""
        return {key: realm for key, realm in self.realms.items() if realm.is_brokered}

    def show(self) -> dict[str, Any]:
        """Every setting as the file would spell it, defaults and presets included, no secret."""
        return dict(self.shown)

    def missing_secrets(self) -> list[str]:
        """Which secrets are not there yet, as the file names them. That is no fault before the first
        ``usher keycloak apply``, which makes Keycloak's.
        """
        smtp = self.mail.smtp
        named = [self.database, self.database_password, smtp.password if smtp else None]
        for realm in self.realms.values():
            named += [realm.runtime.client_secret, realm.setup.client_secret]
            named += [realm.invite_client_secret, realm.provider_client_secret]
        return sorted({one.source for one in named if isinstance(one, Secret) and one.is_missing})

    def database_url(self) -> str:
        """The address to open the database with, its password in it: never to be shown.

        :raises ConfigError: a secret cannot be read.
        """
        return finished_url(self.database, self.database_password)


def load(
    path: Path, *, checks: Iterable[TenantCheck] = (), templates: TemplateCheck | None = None
) -> Settings:
    """The settings of a configuration file. ``checks`` are other rooms' rules on tenants, ``templates`` the
    look into their folders; whoever does without trusts that somebody took it before.

    :raises ConfigError: every fault there is, in the order of the files.
    """
    source = read_source(path.resolve())
    surroundings = _surroundings(source)
    faults = [*source.faults, *_faults_between_parts(source, surroundings)]
    try:
        file = fill(ConfigFile, source.data, surroundings)
        settings = _finished(file)
        faults += _faults_of_tenants(settings, source, tuple(checks))
        faults += _faults_of_templates(settings, templates) if templates else ()
    except FormError as error:
        faults += [source.fault(place, text) for place, text in error.faults]
    except ConfigError as error:
        faults += error.faults
    if faults:
        raise ConfigError(_in_order(faults))
    return settings


def json_schema() -> dict[str, Any]:
    """The JSON Schema of the configuration file."""
    return ConfigFile.model_json_schema(by_alias=True)


def _surroundings(source: ConfigSource) -> Surroundings:
    keycloak = source.data.get("keycloak")
    realms = keycloak.get("realms") if isinstance(keycloak, dict) else None
    names = frozenset(realms) if isinstance(realms, dict) else frozenset()
    return Surroundings(folder=source.main.path.parent, realms=names)


def _faults_between_parts(source: ConfigSource, surroundings: Surroundings) -> Iterator[Fault]:
    known = {key: value for key, value in source.data.items() if key in Parts.model_fields}
    for place, text in check_parts(sound_part(Parts, known, surroundings)):
        yield source.fault(place, text)


def _faults_of_tenants(
    settings: Settings, source: ConfigSource, checks: Iterable[TenantCheck]
) -> Iterator[Fault]:
    for tenant in settings.tenants.values():
        for check in checks:
            try:
                check(tenant)
            except ValueError as error:
                yield source.fault(("tenants", tenant.id, "scim"), str(error))


def _faults_of_templates(settings: Settings, look: TemplateCheck) -> Iterator[Fault]:
    for tenant_id, folder in settings.templates.items():
        yield from look(settings.tenants[tenant_id], folder)


def _in_order(faults: Iterable[Fault]) -> tuple[Fault, ...]:
    return tuple(sorted(set(faults), key=lambda fault: (str(fault.file), fault.line, fault.where)))


# --- from the file's form to settings --------------------------------------------------------------


def _finished(file: ConfigFile) -> Settings:
    """:raises ConfigError: the mapping that the file names is at fault."""
    tenants = {TenantId(key): form for key, form in file.tenants.items()}
    return Settings(
        public_url=file.public_url,
        database=file.database,
        database_password=file.database_password,
        keys=file.keys,
        realms={key: _realm(key, form) for key, form in file.keycloak.realms.items()},
        mail=file.mail,
        tenants={key: _tenant(key, form, file) for key, form in tenants.items()},
        mapping=load_account_mapping(file.mappings),
        limits=file.limits,
        handover=file.handover,
        server=file.server,
        management=file.management,
        worker=file.worker,
        labels={key: form.chosen.labels for key, form in tenants.items()},
        templates={key: form.templates for key, form in tenants.items() if form.templates},
        shown=_shown(file),
    )


def _realm(key: str, form: RealmForm) -> RealmSettings:
    given = {name: value for name, value in form if value is not None}
    return RealmSettings(key=key, **given)


def _tenant(key: TenantId, form: TenantForm, file: ConfigFile) -> Tenant:
    sender = form.sender.value()
    return Tenant(
        id=key,
        name=form.name,
        realm=form.realm,
        portal_url=form.portal_url,
        handover=file.keycloak.realms[form.realm].handover,
        portal_client=form.portal_client,
        locale=form.locale,
        time_zone=form.time_zone,
        policy=form.effective_policy.policy(),
        brand=form.brand.value(),
        sender=sender,
        can_send=sender.address is not None or file.mail.allow_default_sender,
        scim_profile=form.scim.profile,
        scim_switches=form.scim.switches,
        expose_state=form.scim.expose_state,
        discovery_public=form.scim.discovery_public,
    )


def _shown(file: ConfigFile) -> dict[str, Any]:
    shown = file.model_dump(mode="json", by_alias=True, exclude={"include"})
    for key, form in file.tenants.items():
        shown["tenants"][key]["policy"] = form.effective_policy.model_dump(mode="json")
    return shown
