"""Our authentication flows: the one that lets nobody in, for subjects without an account, and where the
realm's own browser flow cannot be sent to a provider, one that can. It must not touch any other flow.
"""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from connector.keycloak.client import path
from connector.keycloak.names import DENY_FLOW, INVITE_CLIENT, INVITE_FLOW, PROVIDER
from connector.keycloak.setup.steps import Site, Step, step

COOKIE = "auth-cookie"
DENY = "deny-access-authenticator"
KERBEROS = "auth-spnego"
REDIRECTOR = "identity-provider-redirector"

Wanted = tuple[tuple[str, str], ...]
"""The executions of a flow, in their order: (provider, requirement)."""

DENYING: Wanted = ((DENY, "REQUIRED"),)
REDIRECTING: Wanted = ((COOKIE, "ALTERNATIVE"), (REDIRECTOR, "ALTERNATIVE"))
"""With the cookie's step a question with ``prompt=none`` is answered as everywhere: who is signed in.
Without it the answer is always that nobody is (measured on 26.7.3).
"""

_HARMLESS_BEFORE = frozenset({COOKIE, KERBEROS})
"""What may stand before a redirector: it shows no page."""


def deny_flow(site: Site) -> Iterator[Step]:
    """Flow ``usher-deny``: one required step, which denies."""
    yield from _flow(site, DENY_FLOW, DENYING)


def redirect_flow(site: Site) -> Iterator[Step]:
    """Flow ``usher-redirect``, where the realm's own browser flow would ignore ``kc_idp_hint``."""
    if can_redirect(site):
        return
    yield from _flow(site, INVITE_FLOW, REDIRECTING)
    if not _redirects_to_us(site):
        yield step(f"flow {INVITE_FLOW}", f"leads to {PROVIDER}", lambda: _redirect_to_us(site))


def can_redirect(site: Site) -> bool:
    """Whether the realm's browser flow comes to an *Identity Provider Redirector* before any page."""
    return redirects(_executions(site, site.admin.get()["browserFlow"]))


def redirects(executions: Sequence[dict[str, Any]]) -> bool:
    """Whether a flow with these executions can be sent to a provider, as far as that is certain: among
    alternatives alone, and after none but silent ones. Beside a required step alternatives are not tried.
    """
    enabled = [e for e in executions if e["level"] == 0 and e["requirement"] != "DISABLED"]
    if any(execution["requirement"] != "ALTERNATIVE" for execution in enabled):
        return False
    for execution in enabled:
        if execution.get("providerId") == REDIRECTOR:
            return True
        if execution.get("providerId") not in _HARMLESS_BEFORE:
            return False
    return False


def flow_id(site: Site, alias: str) -> str | None:
    """The id of a top-level flow."""
    flows = site.admin.list("authentication/flows")
    return next((flow["id"] for flow in flows if flow["alias"] == alias), None)


def _flow(site: Site, alias: str, wanted: Wanted) -> Iterator[Step]:
    """A flow of exactly these executions."""
    thing = f"flow {alias}"
    exists = flow_id(site, alias) is not None
    if not exists:
        yield step(thing, "make it", lambda: _make(site, alias))
    real = _top_level(site, alias) if exists else []
    kept = {provider: found for provider, _ in wanted if (found := _first(real, provider))}
    for execution in real:
        if execution not in kept.values():
            name = execution["displayName"]
            yield step(thing, f"step '{name}' → nothing", partial(_drop, site, execution))
    for provider, requirement in wanted:
        is_now = kept[provider]["requirement"] if provider in kept else "nothing"
        if is_now != requirement:
            what = f"step {provider} {is_now.lower()} → {requirement.lower()}"
            yield step(thing, what, partial(_require, site, alias, provider, requirement))
    if _order_after(kept, wanted) != [provider for provider, _ in wanted]:
        yield step(thing, "steps into their order", lambda: _sort(site, alias, wanted))


def _order_after(kept: dict[str, dict[str, Any]], wanted: Wanted) -> list[str]:
    """The order once what is missing was added, which Keycloak does at the end."""
    present = sorted(kept, key=lambda provider: kept[provider]["index"])
    return [*present, *(provider for provider, _ in wanted if provider not in kept)]


def _executions(site: Site, alias: str) -> list[dict[str, Any]]:
    return site.admin.list(path("authentication", "flows", alias, "executions"))


def _top_level(site: Site, alias: str) -> list[dict[str, Any]]:
    return [execution for execution in _executions(site, alias) if execution["level"] == 0]


def _first(executions: Sequence[dict[str, Any]], provider: str) -> dict[str, Any] | None:
    return next((e for e in executions if e.get("providerId") == provider), None)


def _make(site: Site, alias: str) -> None:
    flow = {"alias": alias, "providerId": "basic-flow", "topLevel": True, "builtIn": False}
    site.admin.create("authentication/flows", flow)


def _drop(site: Site, execution: dict[str, Any]) -> None:
    site.admin.delete(path("authentication", "executions", execution["id"]))


def _require(site: Site, alias: str, provider: str, requirement: str) -> None:
    at = path("authentication", "flows", alias, "executions")
    if _first(_top_level(site, alias), provider) is None:
        site.admin.create(f"{at}/execution", {"provider": provider})
    present = _first(_top_level(site, alias), provider) or {}
    site.admin.put(at, {**present, "requirement": requirement})


def _sort(site: Site, alias: str, wanted: Wanted) -> None:
    """Raise each to the top, the last one first."""
    for provider, _ in reversed(wanted):
        execution = _first(_top_level(site, alias), provider) or {}
        for _ in range(execution["index"]):
            site.admin.post(path("authentication", "executions", execution["id"], "raise-priority"))


def _redirects_to_us(site: Site) -> bool:
    if flow_id(site, INVITE_FLOW) is None:
        return False
    execution = _first(_top_level(site, INVITE_FLOW), REDIRECTOR) or {}
    config = execution.get("authenticationConfig")
    if config is None:
        return False
    values = site.admin.get(path("authentication", "config", config))["config"]
    return bool(values.get("defaultProvider") == PROVIDER)


def _redirect_to_us(site: Site) -> None:
    execution = _first(_top_level(site, INVITE_FLOW), REDIRECTOR) or {}
    if config := execution.get("authenticationConfig"):
        site.admin.delete(path("authentication", "config", config))
    body = {"alias": INVITE_CLIENT, "config": {"defaultProvider": PROVIDER}}
    site.admin.create(path("authentication", "executions", execution["id"], "config"), body)
