"""The routes of ``/oidc/{realm}``: HTTP around ``provider.py``. It owns how Keycloak and browsers speak to
it; who gets a code or a token is the provider's.
"""

from collections.abc import Callable
from typing import Any
from urllib.parse import unquote_plus

import structlog
from flask import Blueprint, Response, jsonify, request
from werkzeug.exceptions import MethodNotAllowed, NotFound

from connector.invite.addresses import OIDC
from connector.invite.http import browser_cookie
from connector.invite.provider import Credentials, NoEntry, Provider, TokenError

log = structlog.get_logger()


def add_oidc_routes(blueprint: Blueprint, provider: Provider, stopped: Callable[[], Response]) -> None:
    """Add the four endpoints. ``stopped`` answers a browser that gets no code."""
    here = f"{OIDC}/<realm>"

    @blueprint.get(f"{here}/.well-known/openid-configuration")
    def discovery(realm: str) -> Response:
        return _published(provider.discovery, realm)

    @blueprint.get(f"{here}/jwks")
    def jwks(realm: str) -> Response:
        return _published(provider.jwks, realm)

    @blueprint.get(f"{here}/authorize")
    def authorize(realm: str) -> Response:
        if request.method == "HEAD":
            raise MethodNotAllowed(["GET"])
        try:
            url = provider.authorize(realm, browser_cookie(), request.args.to_dict(flat=False))
        except NoEntry as error:
            log.info("authorize_refused", realm=provider.known(realm), reason=str(error))
            return stopped()
        return Response(status=303, headers={"Location": url})

    @blueprint.post(f"{here}/token")
    def token(realm: str) -> Response:
        form = request.form.to_dict(flat=False)
        try:
            return jsonify(provider.token(realm, _presented(form), form))
        except TokenError as error:
            log.info("token_refused", realm=provider.known(realm), reason=error.error)
            return _token_error(error)


def _published(make: Callable[[str], dict[str, Any]], realm: str) -> Response:
    try:
        return jsonify(make(realm))
    except KeyError:
        raise NotFound from None


def _presented(form: dict[str, list[str]]) -> Credentials | None:
    """The client's id and secret, given in one of two ways but not in both (RFC 6749 §2.3.1)."""
    basic = request.authorization
    in_body = form.get("client_secret", [])
    if basic is not None and basic.type == "basic" and not in_body:
        name, secret = basic.username or "", basic.password or ""
        return Credentials(client_id=unquote_plus(name), secret=unquote_plus(secret))
    names = form.get("client_id", [])
    if basic is None and len(in_body) == len(names) == 1:
        return Credentials(client_id=names[0], secret=in_body[0])
    return None


def _token_error(error: TokenError) -> Response:
    response = jsonify({"error": error.error})
    response.status_code = error.status
    if error.status == 401:
        response.headers["WWW-Authenticate"] = 'Basic realm="usher"'
    return response
