"""The Flask blueprint of the SCIM service. It owns what HTTP wants: paths to routes, media types,
sizes, headers, and that every answer below ``/scim/`` is SCIM's, whatever happened. It must not
know what a user is.
"""

import re
import traceback
from collections.abc import Callable, Mapping
from typing import Any

import structlog
from flask import Blueprint, Request, Response, request
from flask.sansio.app import App
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge
from werkzeug.routing import Rule

from connector.application.service import Service
from connector.domain.errors import UsherError
from connector.domain.model import TenantId
from connector.foundation.observe import bind_subject, current_request_id
from connector.foundation.web_requests import name_route
from scim_server import errors
from scim_server.auth import WRITE_SCOPE, Door, Principal
from scim_server.calls import Answer, Call
from scim_server.endpoints import Endpoints, Route, route_of, rule_of
from scim_server.errors import ScimError
from scim_server.loader import load
from scim_server.profiles import client_of

MAX_BODY = 4 * 1024 * 1024

_MEDIA_TYPE = re.compile(r"application/(?:[a-z0-9.-]+\+)?json", re.ASCII)
_SAME_FOR_ALL = {"X-Content-Type-Options": "nosniff", "Cache-Control": "private, no-cache"}
_BASE = "/scim/<tenant>/v2"
_LISTS = frozenset({"attributes", "excludedattributes"})

_log = structlog.get_logger("usher.scim")


def scim_blueprint(service: Service, *, public_url: str, door: Door | None = None) -> Blueprint:
    """The service of every tenant, at ``/scim/<tenant>/v2``.

    :param public_url: what every location begins with; the request's Host is never believed.
    :raises ValueError: a tenant's client profile or switch is none of ours.
    """
    for tenant in service.tenants.all():
        client_of(tenant)
    gate = _Gate(
        service, public_url, door or Door(service.store, service.tenants, service.clock), Endpoints(service)
    )
    blueprint = Blueprint("scim", __name__)
    blueprint.record(lambda state: _route_every_method(state.app, gate.answer))
    return blueprint


def _route_every_method(app: App, view: Callable[[str], Response]) -> None:
    """Flask's own rules name their methods, and answer any other one in HTML."""
    app.url_map.add(Rule("/scim/<path:path>", endpoint="scim.answer", merge_slashes=False))
    app.url_map.add(Rule("/scim/", endpoint="scim.answer", defaults={"path": ""}, strict_slashes=False))
    app.view_functions["scim.answer"] = view


class _Gate:
    """Between Flask's request and an endpoint."""

    def __init__(self, service: Service, public_url: str, door: Door, endpoints: Endpoints) -> None:
        self._service = service
        self._public_url = public_url
        self._door = door
        self._endpoints = endpoints

    def answer(self, path: str) -> Response:
        """The response to the current request."""
        return _response(self._answer(path))

    def _answer(self, path: str) -> Answer:
        try:
            return self._answered(path)
        except ScimError as error:
            return _of_error(error)
        except UsherError as error:
            return _of_error(errors.of(error) or _unexpected(error))
        except RequestEntityTooLarge:
            return _of_error(errors.too_large(MAX_BODY))
        except HTTPException:
            return _of_error(errors.bad_json("it did not arrive whole"))
        except Exception as error:
            return _of_error(_unexpected(error))

    def _answered(self, path: str) -> Answer:
        tenant_id, *segments = [segment for segment in path.split("/") if segment] or [""]
        if not segments or segments[0].lower() != "v2":
            raise errors.not_found()
        call, route = self._call(tenant_id, segments[1:])
        endpoint = route.endpoint(request.method)
        if request.method in route.writes and not call.connection.may_write:
            raise errors.out_of_scope(WRITE_SCOPE)
        return endpoint(self._endpoints, call)

    def _call(self, tenant_id: str, segments: list[str]) -> tuple[Call, Route]:
        """Who may not enter does not learn which paths there are."""
        route, resource_id = _route_or_none(segments)
        name_route(f"{_BASE}/{rule_of(segments)}")
        principal = self._principal(tenant_id, route)
        tenant = principal.tenant if principal else self._service.tenant(TenantId(tenant_id))
        if route is None:
            raise errors.not_found()
        call = Call(
            tenant=tenant,
            client=client_of(tenant),
            principal=principal,
            base=f"{self._public_url}/scim/{tenant.id}/v2",
            request_id=current_request_id(),
            resource_id=resource_id,
            parameters=_parameters(request),
            if_match=request.headers.get("If-Match", ""),
            if_none_match=request.headers.get("If-None-Match", ""),
            read_body=_body_reader(request),
        )
        return call, route

    def _principal(self, tenant_id: str, route: Route | None) -> Principal | None:
        tenant = self._service.tenants.get(TenantId(tenant_id))
        if tenant is not None:
            bind_subject(tenant=tenant.id)
        if tenant and tenant.discovery_public and route and route.is_discovery:
            return None
        return self._door.enter(tenant_id, request.headers.get("Authorization"))


def _route_or_none(segments: list[str]) -> tuple[Route | None, str]:
    try:
        return route_of(segments)
    except ScimError:
        return None, ""


def _parameters(incoming: Request) -> Mapping[str, str]:
    """The query's parameters by folded name; a list's may be spread over several. An empty one is none:
    clients that build their URLs from a form send those. Not so a filter, since whoever meant to ask for
    one user and forgot which must not be given everybody.
    """
    found: dict[str, list[str]] = {}
    for name, value in incoming.args.items(multi=True):
        if value or name.lower() == "filter":
            found.setdefault(name.lower(), []).append(value)
    return {name: ",".join(values) if name in _LISTS else values[0] for name, values in found.items()}


# --- the body --------------------------------------------------------------------------------------


def _body_reader(incoming: Request) -> Callable[[], dict[str, Any]]:
    def read() -> dict[str, Any]:
        _check_media_type(incoming)
        # A body that comes without its length is cut at the limit, silently; one byte more tells.
        incoming.max_content_length = MAX_BODY + 1
        body = incoming.get_data(cache=False)
        if len(body) > MAX_BODY:
            raise errors.too_large(MAX_BODY)
        return load(body)

    return read


def _check_media_type(incoming: Request) -> None:
    encoding = incoming.headers.get("Content-Encoding", "identity")
    if encoding.lower() != "identity":
        raise errors.bad_media_type("Bodies are read as they are, without Content-Encoding")
    if incoming.mimetype and not _MEDIA_TYPE.fullmatch(incoming.mimetype):
        raise errors.bad_media_type("Bodies are application/scim+json or application/json")
    if incoming.mimetype_params.get("charset", "utf-8").lower() not in ("utf-8", "utf8"):
        raise errors.bad_media_type("Bodies are UTF-8")


# --- the answer ------------------------------------------------------------------------------------


def _unexpected(error: Exception) -> ScimError:
    """A fault of ours. Its message may quote a person's data, so the log has where it happened, not
    what.
    """
    where = [f"{frame.name}:{frame.lineno}" for frame in traceback.extract_tb(error.__traceback__)]
    _log.error("scim_internal_error", error=type(error).__name__, where=where)
    return errors.internal(current_request_id())


def _of_error(error: ScimError) -> Answer:
    return Answer(status=error.status, body=error.body, headers=error.headers)


def _response(answer: Answer) -> Response:
    response = Response(answer.body, status=answer.status, headers={**_SAME_FOR_ALL, **answer.headers})
    if answer.body:
        response.content_type = "application/scim+json"
    else:
        response.headers.pop("Content-Type", None)
    return response
