"""How often callers deviate, by switch, for whoever decides which of them must be kept."""

from collections.abc import Callable

import pytest

from scim_server.profiles import Switch
from tests.scim.conftest import Caller, a_user
from tests.scim.test_switches import ROWS, Row, names
from tests.support.figures import counted, series

BY_THE_LIBRARY = {Switch.UNMATCHED_VALUE_PATH}
"""Applied deep in scim2-models, which does not tell."""

COUNTED = [row for row in ROWS if row.switch not in BY_THE_LIBRARY]


def tolerances() -> dict[str, float]:
    found = series().items()
    return {dict(labels)["switch"]: count for (name, labels), count in found if "scim_tolerance" in name}


@pytest.mark.parametrize("row", COUNTED, ids=names)
def test_operation_x2_each_deviation_that_is_taken_counts(
    callers: Callable[[str], Caller], row: Row
) -> None:
    with counted("usher_scim_tolerance_total", switch=row.switch) as times:
        row.act(callers("entra"))
    assert times[0] >= 1


@pytest.mark.parametrize("row", COUNTED, ids=names)
def test_operation_x2_a_deviation_that_is_refused_does_not(strict: Caller, row: Row) -> None:
    before = tolerances()
    row.act(strict)
    assert tolerances() == before


def test_operation_x2_nor_does_a_caller_who_keeps_to_the_rfcs(callers: Callable[[str], Caller]) -> None:
    before = tolerances()
    entra = callers("entra")
    user = entra.created(a_user(active=True, profileUrl="https://ada.example"))
    entra.patch(f"/Users/{user['id']}", {"op": "replace", "path": "title", "value": "Countess"})
    entra.get("/Users", filter='userName eq "ada@acme.example" and active eq true')
    entra.get(f"/Users/{user['id']}", attributes="userName,emails.value")
    entra.delete(f"/Users/{user['id']}")
    assert tolerances() == before


def test_operation_x2_a_post_that_brings_somebody_back_counts(generic: Caller) -> None:
    user = generic.created(a_user(externalId="7"))
    generic.patch(f"/Users/{user['id']}", {"op": "replace", "path": "active", "value": False})
    with counted("usher_scim_tolerance_total", switch=Switch.POST_INACTIVE) as times:
        assert generic.post("/Users", a_user(externalId="7")).status == 201
    assert times == [1.0]


def test_operation_x2_a_patch_without_operations_counts(callers: Callable[[str], Caller]) -> None:
    entra = callers("entra")
    user = entra.created(a_user())
    with counted("usher_scim_tolerance_total", switch=Switch.EMPTY_OPERATIONS) as times:
        entra.patch(f"/Users/{user['id']}")
    assert times == [1.0]
