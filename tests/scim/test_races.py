"""Several callers at once: nothing is lost, nobody is made twice."""

from concurrent.futures import ThreadPoolExecutor

from tests.scim.conftest import Caller, House, a_user


def several(house: House, caller: Caller, count: int) -> list[Caller]:
    """The caller, with a client of its own per thread."""
    return [Caller(house.app.test_client(), caller.tenant, caller.token) for _ in range(count)]


def test_control_s9_of_sixteen_equal_posts_one_makes_the_user(house: House, generic: Caller) -> None:
    callers = several(house, generic, 16)
    with ThreadPoolExecutor(16) as pool:
        replies = list(pool.map(lambda one: one.post("/Users", a_user()), callers))
    assert sorted(reply.status for reply in replies) == [201] + [409] * 15
    assert generic.get("/Users").json["totalResults"] == 1


def test_control_s9_of_eight_patches_at_once_none_is_lost(house: House, generic: Caller) -> None:
    user = generic.created(a_user())
    callers = several(house, generic, 8)

    def add(number: int) -> int:
        role = {"op": "add", "path": "roles", "value": [{"value": f"role{number}"}]}
        return callers[number].patch(f"/Users/{user['id']}", role).status

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(add, range(8))) == {200}
    roles = generic.user(user["id"])["roles"]
    assert sorted(role["value"] for role in roles) == [f"role{number}" for number in range(8)]
    assert generic.user(user["id"])["meta"]["version"] == 'W/"9"'
