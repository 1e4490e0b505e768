"""The sample portal: where an invited person arrives. It says who is signed in, and asks Keycloak at each
view whether that is still so. It owns these pages; of Usher it knows the tenants' names and looks alone.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import requests
from flask import Flask, Response, abort, redirect, render_template, request
from ruamel.yaml import YAML
from werkzeug.wrappers import Response as AnyResponse

from connector.demo.relying_party import Attempt, Refused, RelyingParty, Session
from connector.demo.web import clock_time, page_app
from connector.domain.model import Tenant
from connector.foundation.brand import css_properties
from connector.foundation.resources import templates_dir

COOKIE = "sample_portal"
REFRESH_SECONDS = 3
FALLBACK = "en"
Words = Mapping[str, Mapping[str, Any]]


@dataclass(slots=True)
class _Visitor:
    """One browser: its sign-ins on their way by state, each with the page to show if nobody is signed in;
    its sessions by tenant.
    """

    attempts: dict[str, tuple[str, Attempt, str]] = field(default_factory=dict)
    sessions: dict[str, Session] = field(default_factory=dict)


def portal_words() -> Words:
    """What the portal says, by language, page and word."""
    words: Words = YAML(typ="safe").load(templates_dir() / "demo" / "portal.yaml")
    return words


def portal_app(tenants: Mapping[str, Tenant], keycloak: RelyingParty, url: str) -> Flask:
    """One branded site a tenant, at ``/{tenant}``; ``url`` is the portal's own."""
    app = page_app("portal")
    app.add_template_filter(clock_time)
    views = _Views(dict(tenants), keycloak, url)
    for rule, view, method in (
        ("/", views.index, "GET"),
        ("/callback", views.callback, "GET"),
        ("/<tenant>", views.home, "GET"),
        ("/<tenant>/logo", views.logo, "GET"),
        ("/<tenant>/hello", views.hello, "GET"),
        ("/<tenant>/ended", views.ended, "GET"),
        ("/<tenant>/sign-in", views.sign_in, "POST"),
        ("/<tenant>/sign-out", views.sign_out, "POST"),
    ):
        app.add_url_rule(rule, endpoint=rule, view_func=view, methods=[method])
    app.register_error_handler(requests.RequestException, _away)
    return app


class _Views:
    def __init__(self, tenants: dict[str, Tenant], keycloak: RelyingParty, url: str) -> None:
        self._tenants = tenants
        self._keycloak = keycloak
        self._url = url
        self._words = portal_words()
        self._visitors: dict[str, _Visitor] = {}

    def index(self) -> str:
        return render_template("portal_index.html", tenants=self._tenants.values())

    def home(self, tenant: str) -> str | AnyResponse:
        """Signed in, or off to find out silently who is: after a session's end perhaps somebody else."""
        self._tenant(tenant)
        visitor = self._visitor()
        session = visitor.sessions.pop(tenant, None) if visitor else None
        if visitor is None or session is None:
            return self._ask_keycloak(tenant, silent=True)
        try:
            session = self._keycloak.refreshed(session)
        except Refused:
            return self._ask_keycloak(tenant, silent=True, otherwise="ended")
        visitor.sessions[tenant] = session
        return self._page("signed_in", tenant, session)

    def logo(self, tenant: str) -> Response:
        """The tenant's mark."""
        brand = self._tenant(tenant).brand
        if brand.logo is None:
            abort(404)
        return Response(brand.logo, content_type="image/png", headers={"Cache-Control": "max-age=600"})

    def hello(self, tenant: str) -> str:
        """Nobody is signed in."""
        return self._page("signed_out", tenant)

    def ended(self, tenant: str) -> str:
        """Somebody was signed in, and nobody is any more."""
        return self._page("ended", tenant)

    def sign_in(self, tenant: str) -> AnyResponse:
        """Off to Keycloak's sign-in page."""
        language = self._tenant(tenant).locale
        return self._ask_keycloak(tenant, silent=False, language=language)

    def sign_out(self, tenant: str) -> AnyResponse:
        """Here and at Keycloak."""
        self._tenant(tenant)
        visitor = self._visitor()
        session = visitor.sessions.pop(tenant, None) if visitor else None
        back_to = f"{self._url}/{tenant}/hello"
        return redirect(self._keycloak.sign_out_url(session, back_to) if session else back_to, 303)

    def callback(self) -> str | AnyResponse:
        """Back from Keycloak."""
        visitor = self._visitor()
        attempts = visitor.attempts if visitor else {}
        found = attempts.pop(request.args.get("state", ""), None)
        if visitor is None or found is None:
            return redirect("/", 303)
        tenant, attempt, otherwise = found
        code = request.args.get("code")
        if code is None:
            return redirect(f"/{tenant}/{otherwise}", 303)
        try:
            visitor.sessions[tenant] = self._keycloak.redeem(code, attempt)
        except Refused:
            return redirect(f"/{tenant}/ended", 303)
        return redirect(f"/{tenant}", 303)

    def _ask_keycloak(
        self, tenant: str, *, silent: bool, otherwise: str = "hello", language: str = ""
    ) -> AnyResponse:
        attempt = Attempt()
        cookie = request.cookies.get(COOKIE, "")
        if cookie not in self._visitors:
            cookie = secrets.token_urlsafe(24)
            self._visitors[cookie] = _Visitor()
        self._visitors[cookie].attempts[attempt.state] = (tenant, attempt, otherwise)
        response = redirect(
            self._keycloak.authorize_url(attempt, silent=silent, language=language), 303, Response
        )
        response.set_cookie(COOKIE, cookie, httponly=True, samesite="Lax")
        return response

    def _visitor(self) -> _Visitor | None:
        return self._visitors.get(request.cookies.get(COOKIE, ""))

    def _tenant(self, tenant: str) -> Tenant:
        known = self._tenants.get(tenant)
        if known is None:
            abort(404)
        return known

    def _page(self, kind: str, name: str, session: Session | None = None) -> str:
        tenant = self._tenant(name)
        language = tenant.locale.partition("-")[0].lower()
        language = language if language in self._words else FALLBACK
        claims = session.claims if session else {}
        full_name = claims.get("name") or claims.get("preferred_username", "")
        return render_template(
            "portal.html",
            kind=kind,
            lang=language,
            words=self._words[language],
            page=self._words[language][kind],
            tenant=tenant,
            colours=css_properties(tenant.brand),
            session=session,
            full_name=full_name,
            first_name=claims.get("given_name") or full_name,
            refresh=REFRESH_SECONDS,
        )


def _away(error: Exception) -> tuple[str, int]:
    return render_template("portal_index.html", tenants=[]), 503
