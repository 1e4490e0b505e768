"""The endpoints and the table that routes to them. It owns which path and method does what; it must
not know Flask.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from connector.application.records import ReadyDocument
from connector.application.repositories import UnitOfWork
from connector.application.service import Service
from connector.domain.model import PortalUser, UserId
from connector.domain.query import Query
from connector.foundation.observe import bind_subject
from scim_server import filters
from scim_server.calls import Answer, Call, names_version
from scim_server.discovery import Discovery
from scim_server.errors import bad_value, no_filter_here, not_allowed, not_found, unsupported
from scim_server.lifecycle_view import with_state
from scim_server.profiles import NO_BODY, Switch
from scim_server.resources import (
    Projection,
    etag,
    list_bytes,
    location,
    projection_of,
    ready_of,
    slice_of,
    user_bytes,
)
from scim_server.writes import Writer


class Endpoints:
    """What the paths of one installation answer."""

    def __init__(self, service: Service, writer: Writer | None = None) -> None:
        self._service = service
        self._writer = writer or Writer(service)
        self._discoveries: dict[tuple[str, bool], Discovery] = {}

    # --- reads -------------------------------------------------------------------------------------

    def get_user(self, call: Call) -> Answer:
        """One user (RFC 7644 §3.4.1)."""
        projection = projection_of(call.parameters, call.client)
        with self._service.store.read() as work:
            ready = work.users.document(
                call.tenant.id, UserId(call.resource_id), hidden_from=call.connection.source
            )
            shown = self._shown(work, call, ready) if ready else None
        if shown is None:
            raise not_found("User")
        bind_subject(tenant=call.tenant.id, user_id=shown.id)
        tag = {"ETag": etag(shown.version)}
        if call.if_none_match and names_version(call.if_none_match, shown.version):
            return Answer(status=304, headers=tag)
        return Answer(body=projection.apply(user_bytes(shown, call.base)), headers=tag)

    def list_users(self, call: Call) -> Answer:
        """The users that match (RFC 7644 §3.4.2)."""
        return self._listed(call, call.parameters)

    def search_users(self, call: Call) -> Answer:
        """The same, asked in a body (RFC 7644 §3.4.3)."""
        return self._listed(call, {name.lower(): value for name, value in call.read_body().items()})

    def _listed(self, call: Call, parameters: Mapping[str, object]) -> Answer:
        wanted, projection = slice_of(parameters), projection_of(parameters, call.client)
        text = parameters.get("filter")
        if text is not None and not isinstance(text, str):
            raise bad_value("filter", "must be text")
        query = Query(
            filter=filters.read(text, call.client) if text is not None else None,
            skip=wanted.start - 1,
            count=wanted.count,
        )
        with self._service.store.read() as work:
            page = work.users.documents(call.tenant.id, query, hidden_from=call.connection.source)
            shown = [self._shown(work, call, ready) for ready in page.items]
        users = [projection.apply(user_bytes(ready, call.base)) for ready in shown]
        return Answer(body=list_bytes(users, page, wanted.start))

    def _shown(self, work: UnitOfWork, call: Call, ready: ReadyDocument) -> ReadyDocument:
        """A stored user with what the tenant shows besides."""
        if not call.tenant.expose_state:
            return ready
        user = work.users.get(call.tenant.id, ready.id)
        return with_state(ready, user, self._service.facts(call.tenant)) if user else ready

    # --- writes ------------------------------------------------------------------------------------

    def create_user(self, call: Call) -> Answer:
        """A new user (RFC 7644 §3.3)."""
        projection = projection_of(call.parameters, call.client)
        return self._written(call, projection, self._writer.create(call), status=201)

    def replace_user(self, call: Call) -> Answer:
        """A user, whole (RFC 7644 §3.5.1)."""
        projection = projection_of(call.parameters, call.client)
        return self._written(call, projection, self._writer.replace(call))

    def patch_user(self, call: Call) -> Answer:
        """Parts of a user (RFC 7644 §3.5.2)."""
        projection = projection_of(call.parameters, call.client)
        user = self._writer.patch(call)
        if call.client.says(Switch.PATCH_USER_ANSWER) == NO_BODY and not projection:
            return Answer(status=204, headers={"ETag": etag(user.version)})
        return self._written(call, projection, user)

    def delete_user(self, call: Call) -> Answer:
        """A user's end (RFC 7644 §3.6)."""
        self._writer.delete(call)
        return Answer(status=204)

    def _written(self, call: Call, projection: Projection, user: PortalUser, status: int = 200) -> Answer:
        """The answer to a write, from what was saved."""
        bind_subject(tenant=user.tenant, user_id=user.id)
        ready = ready_of(user)
        if call.tenant.expose_state:
            ready = with_state(ready, user, self._service.facts(call.tenant))
        body = projection.apply(user_bytes(ready, call.base))
        headers = {"ETag": etag(user.version), "Location": location(call.base, user.id)}
        return Answer(status=status, body=body, headers=headers)

    # --- discovery ---------------------------------------------------------------------------------

    def config(self, call: Call) -> Answer:
        """ServiceProviderConfig."""
        return Answer(body=self._discovery(call).config)

    def resource_types(self, call: Call) -> Answer:
        """Every ResourceType."""
        discovery = self._discovery(call)
        return Answer(body=discovery.listed(list(discovery.resource_types.values())))

    def resource_type(self, call: Call) -> Answer:
        """One ResourceType."""
        return _one_of(self._discovery(call).resource_types, call.resource_id)

    def schemas(self, call: Call) -> Answer:
        """Every Schema."""
        discovery = self._discovery(call)
        return Answer(body=discovery.listed(list(discovery.schemas.values())))

    def schema(self, call: Call) -> Answer:
        """One Schema."""
        return _one_of(self._discovery(call).schemas, call.resource_id)

    def _discovery(self, call: Call) -> Discovery:
        if "filter" in call.parameters:
            raise no_filter_here()
        key = (call.base, call.tenant.expose_state)
        if key not in self._discoveries:
            self._discoveries[key] = Discovery(call.base, exposes_state=call.tenant.expose_state)
        return self._discoveries[key]

    def unsupported(self, call: Call) -> Answer:
        """``/Me``: our credentials are machines."""
        raise unsupported()


def _one_of(known: Mapping[str, bytes], name: str) -> Answer:
    found = next((body for key, body in known.items() if key.lower() == name.lower()), None)
    if found is None:
        raise not_found()
    return Answer(body=found)


# --- the routes ------------------------------------------------------------------------------------

Endpoint = Callable[[Endpoints, Call], Answer]

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """What one path answers. ``writes`` are the methods that need the right to write;
    ``is_discovery``: a tenant may show it to everybody.
    """

    methods: Mapping[str, Endpoint]
    writes: frozenset[str] = frozenset()
    is_discovery: bool = False

    def endpoint(self, method: str) -> Endpoint:
        """:raises ScimError: 405, naming what is allowed."""
        found = self.methods.get("GET" if method == "HEAD" else method)
        if found is None:
            raise not_allowed(sorted(self.methods))
        return found


ID = "{id}"

_USERS = Route(
    methods={"GET": Endpoints.list_users, "POST": Endpoints.create_user}, writes=frozenset({"POST"})
)
_USER = Route(
    methods={
        "GET": Endpoints.get_user,
        "PUT": Endpoints.replace_user,
        "PATCH": Endpoints.patch_user,
        "DELETE": Endpoints.delete_user,
    },
    writes=frozenset({"PUT", "PATCH", "DELETE"}),
)
_SEARCH = Route(methods={"POST": Endpoints.search_users})
_ME = Route(methods=dict.fromkeys(METHODS, Endpoints.unsupported))


def _discovery(endpoint: Endpoint) -> Route:
    return Route(methods={"GET": endpoint}, is_discovery=True)


ROUTES: dict[tuple[str, ...], Route] = {
    (): Route(methods={"GET": Endpoints.list_users}),
    (".search",): _SEARCH,
    ("users",): _USERS,
    ("users", ".search"): _SEARCH,
    ("users", ID): _USER,
    ("me",): _ME,
    ("serviceproviderconfig",): _discovery(Endpoints.config),
    ("resourcetypes",): _discovery(Endpoints.resource_types),
    ("resourcetypes", ID): _discovery(Endpoints.resource_type),
    ("schemas",): _discovery(Endpoints.schemas),
    ("schemas", ID): _discovery(Endpoints.schema),
}
"""Every path below a tenant's base, names folded (RFC 7644 §3.2)."""


def route_of(segments: list[str]) -> tuple[Route, str]:
    """The route of a path and the id in it.

    :raises ScimError: 404.
    """
    key = _key_of(segments)
    if key is None:
        raise not_found()
    return ROUTES[key], segments[1] if ID in key else ""


def rule_of(segments: list[str]) -> str:
    """A path as the table spells it, with ``{id}`` for an id; empty also for a path that is not in it."""
    return "/".join(_key_of(segments) or ())


def _key_of(segments: list[str]) -> tuple[str, ...] | None:
    folded = tuple(segment.lower() for segment in segments)
    if folded in ROUTES:
        return folded
    with_id = (folded[0], ID) if len(folded) == 2 else ()
    return with_id if with_id in ROUTES and with_id else None
