"""scim2-tester, the conformance suite of the python-scim project, against what we announce."""

from scim2_client.engines.wsgi import WSGISCIMClient
from scim2_tester import Status, check_server

from tests.scim.conftest import Caller, House

CHECKS = 112
"""How many checks the suite makes of a service with users alone."""

OURS = {"check_remove_attribute: PATCH modify() did not remove attribute 'active'"}
"""``active`` says whether anybody keeps the user out, so it is always there; removing it lifts no
hold.
"""


def test_every_check_of_scim2_tester_succeeds(house: House, generic: Caller) -> None:
    token = {"Authorization": f"Bearer {generic.token}"}
    client = WSGISCIMClient(house.app, base_url=generic.base, headers=token)
    results = check_server(client)
    failed = {f"{one.title}: {one.reason}" for one in results if one.status is not Status.SUCCESS}
    assert failed == OURS
    assert len(results) == CHECKS
