"""The languages of Keycloak's own pages and mails: those of the tenants whose people live in the realm. It
owns that these are among the realm's; it must not take a language away, nor change a default that is set.

Usher says on each way into Keycloak which language its page was in (``ui_locales``); a realm that is not
internationalized answers in English all the same.
"""

from collections.abc import Iterator
from typing import Any

from connector.domain.model import Tenant
from connector.keycloak.setup.steps import Representation, Site, Step, differences

FALLBACK = "en"
"""What Usher's pages and mails are in where nothing better is there, and Keycloak's without any setting."""

_WITH_REGION = frozenset({"pt-BR", "zh-CN", "zh-TW"})
"""Keycloak's only translations for a region (26.7.3); all others it finds by the language alone."""


def languages(site: Site) -> Iterator[Step]:
    """Internationalization, where a tenant speaks anything but English."""
    real = site.admin.get()
    wanted = wanted_languages(site.tenants, real)
    changes = tuple(differences(f"realm {site.realm.realm}", wanted, real))
    if changes:
        yield Step(changes=changes, write=lambda: site.admin.put("", wanted))


def keycloak_language(locale: str) -> str:
    """Keycloak's name of the language that is nearest to a tag like ``de-AT``."""
    return locale if locale in _WITH_REGION else locale.partition("-")[0]


def wanted_languages(tenants: tuple[Tenant, ...], real: Representation) -> dict[str, Any]:
    """The fields of the realm as they must be; empty where Keycloak's English is all that is spoken."""
    spoken = {keycloak_language(tenant.locale) for tenant in tenants}
    needed = spoken | {FALLBACK}
    if needed == {FALLBACK} and not real.get("internationalizationEnabled"):
        return {}
    wanted: dict[str, Any] = {
        "internationalizationEnabled": True,
        "supportedLocales": sorted(needed.union(real.get("supportedLocales") or ())),
    }
    if not real.get("defaultLocale"):
        wanted["defaultLocale"] = spoken.pop() if len(spoken) == 1 else FALLBACK
    return wanted
