"""The sweep that every journey ends in: it would notice what it is for."""

import pytest

from connector.demo.system import System
from connector.demo.walk import press
from connector.invite.addresses import PROVIDER_ALIAS
from tests.journey.stand import Stand
from tests.journey.sweep import LeftBehind, sweep
from tests.journey.visitor import Visitor
from tests.support.record import Record
from tests.support.system import console_of, invite


@pytest.fixture(scope="module")
def system(stand: Stand) -> System:
    """The one whose worker sweeps seldom."""
    return stand.system


def test_a_sweep_notices_what_it_is_for(system: System, visitor: Visitor, record: Record) -> None:
    guest, console = invite(system, "ada@sweep.example"), console_of(system)
    visitor.open(guest.link)
    press(visitor.page)
    sweep(record, console, system.settings, [guest.user])

    here = f"users/{guest.account()['id']}"
    console.post(f"{here}/federated-identity/{PROVIDER_ALIAS}", {"userId": "5" * 32, "userName": "ada"})
    before = guest.account()["requiredActions"]
    console.put(here, {"enabled": False, "requiredActions": []})
    with pytest.raises(LeftBehind) as left:
        sweep(record, console, system.settings, [guest.user])
    for sentence in (
        "ada@sweep.example is linked, and nobody is on the way",
        "half an hour later ada@sweep.example is linked",
        "half an hour later ada@sweep.example (pending) has an account whose enabled is False",
        "half an hour later ada@sweep.example (pending) has nothing to do in Keycloak",
    ):
        assert sentence in str(left.value)

    console.delete(f"{here}/federated-identity/{PROVIDER_ALIAS}")
    console.put(here, {"enabled": True, "requiredActions": before})
