"""Generated requests in every profile: never a 5xx, and what was written is what is read."""

from collections.abc import Callable

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scim_server.profiles import CLIENTS
from tests.scim.conftest import JSON, Caller
from tests.scim.generated import OPERATIONS, USERS, VALUES

# The database lives on from example to example, so that a strange document meets the next request too.
_NAMES = st.sampled_from([None, "ada", "bob"])


@given(
    st.sampled_from(CLIENTS), USERS, _NAMES, st.integers(0, 100), st.lists(OPERATIONS, max_size=3), VALUES
)
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_control_s6_no_generated_request_is_a_fault_of_ours(
    callers: Callable[[str], Caller],
    profile: str,
    body: JSON,
    name: str | None,
    pick: int,
    operations: list[JSON],
    junk: object,
) -> None:
    caller = callers(profile)
    sent = body | ({"userName": name} if name else {})
    assert caller.post("/Users", sent).status in (201, 400, 409)
    users = caller.get("/Users").json["Resources"]
    if not users:
        return
    user = users[pick % len(users)]
    path = f"/Users/{user['id']}"
    for message in ({"Operations": operations}, {"Operations": junk}):
        assert caller.call("PATCH", path, message).status in (200, 204, 400, 409)
    replaced = caller.put(path, user | sent)
    assert replaced.status in (200, 400, 409)
    if replaced.status == 200:
        assert caller.get(path).json == replaced.json
