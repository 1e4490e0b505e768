"""Who may come in: bearer tokens per tenant, and one answer for every one that may not."""

import json
from collections.abc import Callable

import pytest

from connector.domain.model import TenantId
from scim_server.auth import Door
from scim_server.blueprint import scim_blueprint
from tests.scim.conftest import PUBLIC_URL, Caller, House, a_user
from tests.support.builders import NOW
from tests.support.web import an_app


def test_control_s13_every_token_that_opens_nothing_gets_the_same_answer(
    house: House, generic: Caller
) -> None:
    expired = house.caller("generic", "old", expires_at=NOW - 1)
    revoked = house.caller("generic", "gone", revoked_at=NOW - 1)
    foreign = Caller(house.app.test_client(), "okta", generic.token)
    unknown_tenant = Caller(house.app.test_client(), "nowhere", generic.token)
    unknown = Caller(house.app.test_client(), "generic", "usher_" + "0" * 64)
    replies = [one.get("/Users") for one in (expired, revoked, foreign, unknown_tenant, unknown)]
    assert {reply.error for reply in replies} == {(401, "")}
    assert len({reply.raw for reply in replies}) == 1
    assert {reply.headers["WWW-Authenticate"] for reply in replies} == {
        'Bearer realm="usher", error="invalid_token"'
    }


@pytest.mark.parametrize("header", ["", "Basic dXNlcjpwYXNz", "Bearer", "Bearer ", "usher_abc"])
def test_without_a_token_the_body_is_the_same_and_no_error_is_named(generic: Caller, header: str) -> None:
    reply = generic.call("GET", "/Users", Authorization=header)
    bad = generic.call("GET", "/Users", Authorization="Bearer usher_bad")
    assert reply.error == (401, "")
    assert reply.raw == bad.raw
    assert reply.headers["WWW-Authenticate"] == 'Bearer realm="usher"'


def test_the_scheme_may_be_in_any_case(generic: Caller) -> None:
    assert generic.call("GET", "/Users", Authorization=f"bearer {generic.token}").status == 200


def test_who_may_not_enter_does_not_learn_which_paths_there_are(generic: Caller) -> None:
    paths = ("/Users", "/Groups", "/nothing", "/Users/1", "/Me", "/Schemas")
    replies = [generic.call("GET", path, Authorization="Bearer no") for path in paths]
    assert len({reply.raw for reply in replies}) == 1


def test_a_reading_token_reads_and_does_not_write(house: House, generic: Caller) -> None:
    user_id = generic.created(a_user())["id"]
    reader = house.caller("generic", "reader", scope="scim:read")
    assert reader.user(user_id)["id"] == user_id
    assert reader.post("/Users/.search", {"schemas": []}).status == 200
    for reply in (
        reader.post("/Users", a_user("b@acme.example")),
        reader.put(f"/Users/{user_id}", a_user()),
        reader.patch(f"/Users/{user_id}", {"op": "replace", "path": "active", "value": False}),
        reader.delete(f"/Users/{user_id}"),
    ):
        assert reply.error == (403, "")
        assert 'error="insufficient_scope"' in reply.headers["WWW-Authenticate"]
    assert generic.user(user_id)["active"] is True


def test_a_token_for_something_else_does_not_read(house: House) -> None:
    assert house.caller("generic", "other", scope="api").get("/Users").error == (403, "")


def test_a_revoked_token_is_refused_within_five_seconds(house: House, generic: Caller) -> None:
    door = Door(house.store, house.tenants, house.clock)
    app = an_app(scim_blueprint(house.service, public_url=PUBLIC_URL, door=door))
    caller = Caller(app.test_client(), "generic", generic.token)
    assert caller.get("/Users").status == 200
    with house.store.write() as work:
        (token,) = work.tokens.list(TenantId("generic"))
        assert work.tokens.revoke(TenantId("generic"), token.id, now=house.clock.now())
    house.clock.move(5)
    assert caller.get("/Users").status == 401


def test_an_expired_token_is_refused_at_once(house: House) -> None:
    door = Door(house.store, house.tenants, house.clock)
    app = an_app(scim_blueprint(house.service, public_url=PUBLIC_URL, door=door))
    made = house.caller("generic", "short", expires_at=NOW + 2)
    caller = Caller(app.test_client(), "generic", made.token)
    assert caller.get("/Users").status == 200
    house.clock.move(2)
    assert caller.get("/Users").status == 401


def test_the_last_use_of_a_token_is_noted_now_and_then(house: House, generic: Caller) -> None:
    def noted() -> float | None:
        with house.store.read() as work:
            (token,) = work.tokens.list(TenantId("generic"))
        return token.last_used_at

    generic.get("/Users")
    assert noted() == NOW
    house.clock.move(60)
    generic.get("/Users")
    assert noted() == NOW
    house.clock.move(600)
    generic.get("/Users")
    assert noted() == NOW + 660


# --- tenants ---------------------------------------------------------------------------------------


def test_control_s1_another_tenants_user_is_not_there(
    callers: Callable[[str], Caller], generic: Caller
) -> None:
    user = callers("okta").created(a_user(externalId="x1"))
    path = f"/Users/{user['id']}"
    unknown = generic.get("/Users/0b5c1a5e-0000-4000-8000-00000000ffff")
    for reply in (
        generic.get(path),
        generic.put(path, a_user()),
        generic.patch(path, {"op": "replace", "path": "active", "value": False}),
        generic.delete(path),
    ):
        assert reply.error == (404, "")
        assert reply.raw == unknown.raw
    assert generic.found(f'id eq "{user["id"]}"') == []
    assert generic.found('externalId eq "x1"') == []
    assert generic.get("/Users").json["totalResults"] == 0
    assert callers("okta").user(user["id"]) == user


def test_control_s1_a_post_never_revives_another_tenants_user(
    callers: Callable[[str], Caller], generic: Caller
) -> None:
    okta = callers("okta")
    user = okta.created(a_user(externalId="x1"))
    okta.patch(f"/Users/{user['id']}", {"op": "replace", "path": "active", "value": False})
    assert generic.created(a_user(externalId="x1"))["id"] != user["id"]
    assert okta.user(user["id"])["active"] is False


# --- discovery for everybody -----------------------------------------------------------------------


def test_discovery_needs_a_token_unless_the_tenant_shows_it(house: House, generic: Caller) -> None:
    def without(path: str) -> int:
        return generic.call("GET", path, Authorization="").status

    assert without("/Schemas") == 401
    house.change("generic", discovery_public=True)
    paths = ("/Schemas", "/ServiceProviderConfig", "/ResourceTypes", "/ResourceTypes/User")
    assert {without(path) for path in paths} == {200}
    assert without("/Users") == 401
    assert without("/") == 401


def test_control_s7_canaries_are_in_no_answer_and_no_table(house: House, generic: Caller) -> None:
    generic.post("/Users", a_user(password="canary-password"))
    generic.call("GET", "/Users", Authorization="Bearer usher_canary-token")
    with house.store.read() as work:
        page = work.users.get(TenantId("generic"), generic.get("/Users").json["Resources"][0]["id"])
        assert page is not None
        kept = json.dumps([dict(page.document), [str(row) for row in work.outbox.list()]])
    assert "canary" not in kept
