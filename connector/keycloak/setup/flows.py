"""Our authentication flows: the one that lets nobody in, for subjects without an account, and where the
realm's own browser flow cannot be sent to a provider, one that can. It must not touch any other flow.
"""

from collections.abc import Iterator
from functools import partial
from typing import Any

from connector.keycloak.client import path
from connector.keycloak.names import DENY_FLOW, INVITE_CLIENT, INVITE_FLOW, PROVIDER
from connector.keycloak.setup.steps import Site, Step, step

DENY = "deny-access-authenticator"
REDIRECTOR = "identity-provider-redirector"


def deny_flow(site: Site) -> Iterator[Step]:
    """Flow ``usher-deny``: one required step, which denies."""
    yield from _single_step_flow(site, DENY_FLOW, DENY)


def redirect_flow(site: Site) -> Iterator[Step]:
    """Flow ``usher-redirect``, and our client bound to it, where ``kc_idp_hint`` would be ignored."""
    if can_redirect(site):
        return
    yield from _single_step_flow(site, INVITE_FLOW, REDIRECTOR)
    if not _redirects_to_us(site):
        yield step(f"flow {INVITE_FLOW}", f"leads to {PROVIDER}", lambda: _redirect_to_us(site))


def can_redirect(site: Site) -> bool:
    """Whether the realm's browser flow has an *Identity Provider Redirector* that is not switched off."""
    browser = site.admin.get()["browserFlow"]
    return any(
        execution.get("providerId") == REDIRECTOR and execution["requirement"] != "DISABLED"
        for execution in _executions(site, browser)
    )


def flow_id(site: Site, alias: str) -> str | None:
    """The id of a top-level flow."""
    flows = site.admin.list("authentication/flows")
    return next((flow["id"] for flow in flows if flow["alias"] == alias), None)


def _single_step_flow(site: Site, alias: str, provider: str) -> Iterator[Step]:
    thing = f"flow {alias}"
    exists = flow_id(site, alias) is not None
    if not exists:
        yield step(thing, "make it", lambda: _make(site, alias))
    executions = _executions(site, alias) if exists else []
    for execution in executions:
        if execution.get("providerId") != provider:
            name = execution["displayName"]
            yield step(thing, f"step '{name}' → nothing", partial(_drop, site, execution))
    real = next((e for e in executions if e.get("providerId") == provider), None)
    if real is None or real["requirement"] != "REQUIRED":
        is_now = real["requirement"].lower() if real else "nothing"
        what = f"step {provider} {is_now} → required"
        yield step(thing, what, lambda: _require(site, alias, provider))


def _executions(site: Site, alias: str) -> list[dict[str, Any]]:
    return site.admin.list(path("authentication", "flows", alias, "executions"))


def _execution(site: Site, alias: str, provider: str) -> dict[str, Any] | None:
    found = (e for e in _executions(site, alias) if e.get("providerId") == provider)
    return next(found, None)


def _make(site: Site, alias: str) -> None:
    flow = {"alias": alias, "providerId": "basic-flow", "topLevel": True, "builtIn": False}
    site.admin.create("authentication/flows", flow)


def _drop(site: Site, execution: dict[str, Any]) -> None:
    site.admin.delete(path("authentication", "executions", execution["id"]))


def _require(site: Site, alias: str, provider: str) -> None:
    at = path("authentication", "flows", alias, "executions")
    if _execution(site, alias, provider) is None:
        site.admin.create(f"{at}/execution", {"provider": provider})
    site.admin.put(at, {**(_execution(site, alias, provider) or {}), "requirement": "REQUIRED"})


def _redirects_to_us(site: Site) -> bool:
    if flow_id(site, INVITE_FLOW) is None:
        return False
    execution = _execution(site, INVITE_FLOW, REDIRECTOR) or {}
    config = execution.get("authenticationConfig")
    if config is None:
        return False
    values = site.admin.get(path("authentication", "config", config))["config"]
    return bool(values.get("defaultProvider") == PROVIDER)


def _redirect_to_us(site: Site) -> None:
    execution = _execution(site, INVITE_FLOW, REDIRECTOR) or {}
    if config := execution.get("authenticationConfig"):
        site.admin.delete(path("authentication", "config", config))
    body = {"alias": INVITE_CLIENT, "config": {"defaultProvider": PROVIDER}}
    site.admin.create(path("authentication", "executions", execution["id"], "config"), body)
