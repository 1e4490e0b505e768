"""``active``, deletion and coming back: what a connection switches off, and what it may switch on
again.
"""

from collections.abc import Callable

import pytest

from connector.domain.commands import PutHold, Release
from connector.domain.model import Actor, ActorKind, HoldKind, PortalUser, TenantId, UserId
from connector.domain.policy import DeletePolicy, EmailChange
from tests.scim.conftest import Caller, House, a_user

OPERATOR = Actor(kind=ActorKind.OPERATOR, name="olga")


def stored(house: House, caller: Caller, user_id: str) -> PortalUser:
    with house.store.read() as work:
        found = work.users.get(TenantId(caller.tenant), UserId(user_id))
    assert found is not None
    return found


def holds(house: House, caller: Caller, user_id: str) -> set[tuple[str, str]]:
    return {(hold.kind, hold.source) for hold in stored(house, caller, user_id).holds}


def effects(house: House, user_id: str) -> list[str]:
    with house.store.read() as work:
        return [row.effect for row in work.outbox.list() if row.user_id == user_id]


def set_active(caller: Caller, user_id: str, value: bool) -> None:
    reply = caller.patch(f"/Users/{user_id}", {"op": "replace", "path": "active", "value": value})
    assert reply.status == 200


def security_hold(house: House, caller: Caller, user_id: str) -> None:
    house.service.handle(
        PutHold(
            tenant=TenantId(caller.tenant),
            user_id=UserId(user_id),
            actor=OPERATOR,
            source="cli",
            request_id="request-1",
            kind=HoldKind.SECURITY,
        )
    )


def test_a_connection_puts_and_lifts_the_hold_of_its_name(house: House, generic: Caller) -> None:
    user_id = generic.created(a_user())["id"]
    set_active(generic, user_id, False)
    assert holds(house, generic, user_id) == {("scim", "scim:idp")}
    set_active(generic, user_id, True)
    assert holds(house, generic, user_id) == set()


def test_a_post_with_active_false_makes_a_held_user_without_an_invitation(
    house: House, generic: Caller
) -> None:
    created = generic.created(a_user(active=False))
    assert created["active"] is False
    assert holds(house, generic, created["id"]) == {("scim", "scim:idp")}
    assert "send_mail" not in effects(house, created["id"])


def test_a_post_without_active_makes_an_active_user(generic: Caller) -> None:
    assert generic.created(a_user())["active"] is True


def test_active_is_false_while_anybody_holds_the_user(house: House, generic: Caller) -> None:
    user_id = generic.created(a_user())["id"]
    security_hold(house, generic, user_id)
    assert generic.user(user_id)["active"] is False
    set_active(generic, user_id, True)
    assert generic.user(user_id)["active"] is False
    assert holds(house, generic, user_id) == {("security", "cli")}
    assert [one["id"] for one in generic.found("active eq false")] == [user_id]


def test_get_change_put_of_a_user_held_by_another_puts_the_own_hold_too(
    house: House, generic: Caller
) -> None:
    user_id = generic.created(a_user())["id"]
    security_hold(house, generic, user_id)
    generic.put(f"/Users/{user_id}", generic.user(user_id))
    assert holds(house, generic, user_id) == {("security", "cli"), ("scim", "scim:idp")}


def test_one_connection_does_not_lift_the_hold_of_another(house: House, generic: Caller) -> None:
    other = house.caller("generic", "hr")
    user_id = generic.created(a_user())["id"]
    set_active(generic, user_id, False)
    set_active(other, user_id, True)
    assert other.user(user_id)["active"] is False
    set_active(generic, user_id, True)
    assert other.user(user_id)["active"] is True


def test_a_removed_active_keeps_the_hold(generic: Caller) -> None:
    user_id = generic.created(a_user())["id"]
    set_active(generic, user_id, False)
    assert generic.patch(f"/Users/{user_id}", {"op": "remove", "path": "active"}).status == 200
    assert generic.user(user_id)["active"] is False


def test_switching_off_and_editing_in_one_request_is_one_version_and_mails_nobody(
    house: House, generic: Caller
) -> None:
    user_id = generic.created(a_user())["id"]
    reply = generic.patch(
        f"/Users/{user_id}",
        {"op": "replace", "path": "emails[primary eq true].value", "value": "new@acme.example"},
        {"op": "replace", "path": "active", "value": False},
    )
    assert reply.json["meta"]["version"] == 'W/"2"'
    assert reply.json["active"] is False
    assert stored(house, generic, user_id).invitation is not None
    assert stored(house, generic, user_id).invitation.generation == 1  # type: ignore[union-attr]  # just asserted


def test_the_last_of_several_operations_on_active_counts(house: House, generic: Caller) -> None:
    user_id = generic.created(a_user())["id"]
    generic.patch(
        f"/Users/{user_id}",
        {"op": "replace", "path": "active", "value": False},
        {"op": "replace", "path": "active", "value": True},
    )
    assert holds(house, generic, user_id) == set()


def test_deactivating_asks_for_the_end_of_the_sessions(house: House, generic: Caller) -> None:
    user_id = generic.created(a_user())["id"]
    set_active(generic, user_id, False)
    assert {"sync_account", "end_sessions"} <= set(effects(house, user_id))


def test_the_timeline_names_the_connection_and_the_request(house: House, generic: Caller) -> None:
    reply = generic.post("/Users", a_user(), X_Request_ID="from-the-idp-1")
    assert reply.headers["X-Request-ID"] == "from-the-idp-1"
    with house.store.read() as work:
        (entry,) = work.timeline.of(TenantId("generic"), UserId(reply.json["id"]))
        rows = [row for row in work.outbox.list() if row.user_id == reply.json["id"]]
    assert (entry.actor, entry.source, entry.request_id) == ("scim:idp", "scim:idp", "from-the-idp-1")
    assert {row.request_id for row in rows} == {"from-the-idp-1"}


# --- deletion --------------------------------------------------------------------------------------


@pytest.mark.parametrize("policy", list(DeletePolicy))
def test_delete_is_204_then_404_under_every_policy(
    house: House, generic: Caller, policy: DeletePolicy
) -> None:
    house.change_policy("generic", delete=policy)
    user_id = generic.created(a_user())["id"]
    assert generic.delete(f"/Users/{user_id}").status == 204
    for reply in (
        generic.get(f"/Users/{user_id}"),
        generic.delete(f"/Users/{user_id}"),
        generic.put(f"/Users/{user_id}", a_user()),
        generic.patch(f"/Users/{user_id}", {"op": "replace", "path": "active", "value": True}),
    ):
        assert reply.error == (404, "")
    assert generic.get("/Users").json["totalResults"] == 0


@pytest.mark.parametrize("policy", [DeletePolicy.SOFT, DeletePolicy.HARD])
def test_a_deleted_user_name_is_free(house: House, generic: Caller, policy: DeletePolicy) -> None:
    house.change_policy("generic", delete=policy)
    first = generic.created(a_user())["id"]
    generic.delete(f"/Users/{first}")
    assert generic.created(a_user())["id"] != first


def test_where_deleting_is_forbidden_the_user_is_held_and_hidden_from_this_connection_alone(
    house: House, generic: Caller
) -> None:
    house.change_policy("generic", delete=DeletePolicy.FORBIDDEN)
    other = house.caller("generic", "hr")
    user_id = generic.created(a_user())["id"]
    generic.delete(f"/Users/{user_id}")
    assert other.user(user_id)["active"] is False
    assert holds(house, generic, user_id) == {("scim", "scim:idp")}


@pytest.mark.parametrize("profile", ["generic", "entra", "okta", "strict"])
@pytest.mark.parametrize(
    "again", [a_user(title="Countess"), a_user("new@acme.example", externalId="x1", title="Countess")]
)
def test_a_user_hidden_by_delete_is_revived_by_its_user_name_or_external_id(
    house: House, callers: Callable[[str], Caller], profile: str, again: dict[str, object]
) -> None:
    house.change_policy(profile, delete=DeletePolicy.FORBIDDEN)
    caller = callers(profile)
    user_id = caller.created(a_user(externalId="x1"))["id"]
    caller.delete(f"/Users/{user_id}")
    back = caller.created(again)
    assert (back["id"], back["active"], back["title"]) == (user_id, True, "Countess")
    assert holds(house, caller, user_id) == set()


def test_a_hidden_user_may_come_back_switched_off(house: House, generic: Caller) -> None:
    house.change_policy("generic", delete=DeletePolicy.FORBIDDEN)
    user_id = generic.created(a_user())["id"]
    generic.delete(f"/Users/{user_id}")
    assert generic.created(a_user(active=False))["id"] == user_id
    assert generic.user(user_id)["active"] is False


def test_a_post_does_not_revive_a_user_that_somebody_else_switched_off(
    house: House, generic: Caller
) -> None:
    user_id = generic.created(a_user(externalId="x1"))["id"]
    security_hold(house, generic, user_id)
    assert generic.post("/Users", a_user(externalId="x1")).error == (409, "uniqueness")


@pytest.mark.parametrize("profile", ["entra", "okta", "strict"])
def test_other_profiles_answer_a_post_for_a_user_they_switched_off_with_a_conflict(
    callers: Callable[[str], Caller], profile: str
) -> None:
    caller = callers(profile)
    user_id = caller.created(a_user(externalId="x1"))["id"]
    caller.patch(f"/Users/{user_id}", {"op": "replace", "path": "active", "value": False})
    assert caller.post("/Users", a_user(externalId="x1")).error == (409, "uniqueness")


# --- what the policy locks -------------------------------------------------------------------------


def test_an_email_change_that_the_policy_forbids_is_refused_by_put_and_patch(
    house: House, generic: Caller
) -> None:
    user = generic.created(a_user())
    house.change_policy("generic", email_change=EmailChange.NEVER)
    path = f"/Users/{user['id']}"
    change = {"op": "replace", "path": "emails[primary eq true].value", "value": "new@acme.example"}
    assert generic.patch(path, change).error == (400, "mutability")
    moved = a_user(emails=[{"value": "new@acme.example"}])
    assert generic.put(path, moved).error == (400, "mutability")
    assert generic.user(user["id"]) == user


def test_an_address_of_a_refused_domain_is_a_wrong_value(house: House, generic: Caller) -> None:
    house.change_policy("generic", email_domains_deny=frozenset({"evil.example"}))
    assert generic.post("/Users", a_user("ada@evil.example")).error == (400, "invalidValue")


def test_releasing_what_an_operator_released_already_is_no_error(house: House, generic: Caller) -> None:
    user_id = generic.created(a_user())["id"]
    set_active(generic, user_id, False)
    house.service.handle(
        Release(
            tenant=TenantId("generic"),
            user_id=UserId(user_id),
            actor=OPERATOR,
            source="cli",
            request_id="request-1",
            kind=HoldKind.SCIM,
            hold_source="scim:idp",
        )
    )
    set_active(generic, user_id, True)
    assert generic.user(user_id)["active"] is True
