"""Puts the hand-over together and gives each address its view. It owns the table of routes, brand files and
what an error looks like; views, pages and rules live beside it.

==========================================  ==================================================
``GET /invite/{token}``                     the landing page; writes nothing
``POST /invite/{token}``                    the press
``POST /invite/{token}/renew``              a new link for an expired one, then its ``GET``
``GET /invite/probe``, ``go``, ``done``     back from Keycloak
``POST /invite/go``                         "sign out and continue"
``GET /invite/back``                        where Keycloak's own error pages lead
``GET /brand/{tenant}/style.css``           and ``logo.png``, ``icon.svg``: the tenant's look
``/oidc/{realm}/…``                         ``oidc_routes.py``
==========================================  ==================================================
"""

from collections.abc import Callable
from dataclasses import dataclass

import structlog
from flask import Blueprint, Response, request
from flask.blueprints import BlueprintSetupState
from werkzeug.exceptions import HTTPException, NotFound

from connector.application.account import Accounts
from connector.application.followup import FollowUp
from connector.application.ports import Clock, IdentityProviders, Ids, Tenants
from connector.application.service import Service
from connector.domain.errors import Busy
from connector.domain.model import Tenant, TenantId
from connector.foundation.config import RealmSettings, Settings
from connector.foundation.key_ring import SigningKeyRing
from connector.foundation.links import InvitationLinks
from connector.foundation.resources import templates_dir
from connector.invite.addresses import BACK, BRAND, DONE, GO, INVITE, PROBE
from connector.invite.answers import REFUSALS, Answers
from connector.invite.callback import Callbacks
from connector.invite.clients import client_address
from connector.invite.handover import HandOverDesk
from connector.invite.http import with_headers
from connector.invite.keycloak_client import KeycloakClient
from connector.invite.limits import Limits
from connector.invite.link_views import LinkViews
from connector.invite.look import NEUTRAL, Looks
from connector.invite.oidc_routes import add_oidc_routes
from connector.invite.pages import Message, Pages
from connector.invite.provider import Provider
from connector.invite.return_views import ReturnViews

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class InviteParts:
    """All that the hand-over is put together from."""

    settings: Settings
    service: Service
    accounts: Accounts
    followup: FollowUp
    identity_providers: IdentityProviders
    links: InvitationLinks
    keys: SigningKeyRing
    clock: Clock
    ids: Ids
    client: Callable[[RealmSettings, Clock], KeycloakClient] = KeycloakClient


def invite_blueprint(parts: InviteParts) -> Blueprint:
    """Landing pages, hand-over, brand files and the OpenID Connect provider."""
    pages = Pages(templates_dir() / "pages")
    answers = Answers(parts.settings, parts.service.mapping, pages)
    blueprint = Blueprint("invite", __name__)
    settings, callbacks = parts.settings, _callbacks(parts)
    back = ReturnViews(
        callbacks, answers, public_url=settings.public_url, cookie_life=settings.handover.life
    )
    _add_steps(blueprint, parts, answers, callbacks, back)
    _add_brand(blueprint, parts.service.tenants, pages.looks)
    _add_provider(blueprint, parts, back)
    _add_errors(blueprint, answers)
    blueprint.record(_lead_nowhere)
    blueprint.before_request(lambda: _limit(parts.settings.limits.form_body))
    blueprint.after_request(with_headers)
    return blueprint


def _add_steps(
    blueprint: Blueprint, parts: InviteParts, answers: Answers, callbacks: Callbacks, back: ReturnViews
) -> None:
    settings = parts.settings
    link = LinkViews(
        parts.service,
        parts.links,
        HandOverDesk(parts.service, parts.accounts, parts.followup, parts.ids, settings.handover),
        callbacks,
        answers,
        Limits(parts.service.store, parts.clock, parts.links, settings.limits),
        client=lambda: client_address(settings.server.proxies),
        public_url=settings.public_url,
        cookie_life=settings.handover.life,
    )
    for method, rule, view in (
        ("GET", f"{INVITE}/<token>", link.show),
        ("POST", f"{INVITE}/<token>", link.press),
        ("GET", f"{INVITE}/<token>/renew", link.renewed),
        ("POST", f"{INVITE}/<token>/renew", link.renew),
        ("GET", PROBE, back.probe),
        ("GET", GO, back.go),
        ("POST", GO, back.sign_out),
        ("GET", DONE, back.done),
        ("GET", BACK, back.stopped),
    ):
        blueprint.add_url_rule(rule, view.__name__, view, methods=[method])


def _callbacks(parts: InviteParts) -> Callbacks:
    realms = parts.settings.brokered_realms.items()
    return Callbacks(
        parts.service,
        parts.followup,
        parts.identity_providers,
        parts.links,
        {key: parts.client(realm, parts.clock) for key, realm in realms},
        parts.settings.public_url,
    )


def _add_brand(blueprint: Blueprint, tenants: Tenants, looks: Looks) -> None:
    def tenant_of(name: str) -> Tenant | None:
        """None for the look of pages that belong to no tenant."""
        found = tenants.get(TenantId(name))
        if found is None and name != NEUTRAL:
            raise NotFound
        return found

    @blueprint.get(f"{BRAND}/<name>/style.css")
    def style(name: str) -> Response:
        return _file(looks.style(tenant_of(name)), "text/css")

    @blueprint.get(f"{BRAND}/<name>/icon.svg")
    def icon(name: str) -> Response:
        return _file(looks.icon(tenant_of(name)), "image/svg+xml")

    @blueprint.get(f"{BRAND}/<name>/logo.png")
    def logo(name: str) -> Response:
        tenant = tenant_of(name)
        if tenant is None or tenant.brand.logo is None:
            raise NotFound
        return _file(tenant.brand.logo, "image/png")


def _add_provider(blueprint: Blueprint, parts: InviteParts, back: ReturnViews) -> None:
    settings = parts.settings
    provider = Provider(
        parts.service,
        settings.brokered_realms,
        parts.keys,
        parts.ids,
        settings.handover,
        settings.public_url,
    )
    add_oidc_routes(blueprint, provider, back.stopped)


def _add_errors(blueprint: Blueprint, answers: Answers) -> None:
    @blueprint.errorhandler(Busy)
    def busy(error: Busy) -> Response:
        log.warning("busy", detail=str(error))
        return answers.message(
            Message.UNAVAILABLE, link=request.full_path if request.method == "GET" else ""
        )

    @blueprint.errorhandler(Exception)
    def crashed(error: Exception) -> Response | HTTPException:
        if isinstance(error, HTTPException):
            return error
        log.error("request_crashed", exc_info=error)
        return answers.message(Message.FAILED)

    # In the whole application, outside our routes too; SCIM lets nothing come to this.
    def refused(error: HTTPException) -> Response:
        return with_headers(answers.refusal(error))

    for status in REFUSALS:
        blueprint.app_errorhandler(status)(refused)


def _lead_nowhere(state: BlueprintSetupState) -> None:
    """A doubled slash is no address of ours. Werkzeug would redirect it, to where the Host header says."""
    state.app.url_map.merge_slashes = False


def _limit(form_body: int) -> None:
    """No form of ours is long."""
    request.max_content_length = form_body


def _file(content: str | bytes, mimetype: str) -> Response:
    """A file whose address changes with its content (``?v=``)."""
    response = Response(content, mimetype=mimetype)
    response.headers["Cache-Control"] = "public, max-age=86400"
    return response
