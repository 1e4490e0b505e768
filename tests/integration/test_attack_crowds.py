"""Many at once: completions, presses, codes, and a fleet of mail scanners. Of all that may happen once it
happens once, and the person gets in.
"""

import html
import re
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar
from urllib.parse import urljoin

import pytest
import requests

from connector.application.records import HandOver
from connector.demo.inbox import Inbox
from connector.domain.model import PortalUser
from connector.invite.http import COOKIE
from connector.invite.standing import browser_of
from tests.support.attack import ALL_SET, STOLEN, UPDATE_PASSWORD, almost_in, comes_in, is_safe, opens
from tests.support.house import House, open_house
from tests.support.person import Person, form_of
from tests.support.realms import PASSWORD, RunningKeycloak

Item = TypeVar("Item")
Answer = TypeVar("Answer")
PROOFS = {"accept", "activate"}
FLEET = 20
TURNS = 3
_REFERENCE = re.compile(r"\b(?:href|src)=\"([^\"]+)\"")


@pytest.fixture(scope="module")
def house(
    keycloak: RunningKeycloak, inbox: Inbox, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[House]:
    """Usher over a realm of its own."""
    folder, policy = tmp_path_factory.mktemp("crowds"), {"email_verification": "invitation"}
    with open_house(keycloak, inbox, folder, "attack-crowds", policy=policy) as house:
        yield house


def at_once(deed: Callable[[Item], Answer], crowd: Sequence[Item]) -> list[Answer]:
    """All in the same moment, as far as one machine can."""
    start = threading.Barrier(len(crowd))

    def begin(one: Item) -> Answer:
        start.wait()
        return deed(one)

    with ThreadPoolExecutor(len(crowd)) as threads:
        return list(threads.map(begin, crowd))


def open_handover(house: House, user: PortalUser) -> HandOver | None:
    """The one that there is at most."""
    with house.service.store.read() as work:
        return work.handovers.open_of(user.tenant, user.id, now=house.clock.now())


def test_control_i3_of_many_completions_at_once_one_is_acceptance(house: House) -> None:
    """The browser's own callback, reloaded and copied; each is told that all is done."""
    user, person = house.invited(), house.person()
    stopped = almost_in(house, person, user)
    crowd = [house.person() for _ in range(8)]
    for one in crowd:
        one.take_cookie(COOKIE, person)
    seen = at_once(lambda one: one.open(stopped.way[-1]), [person, *crowd])
    assert [(one.status, one.title) for one in seen] == [(200, ALL_SET)] * len(seen)
    told = house.told(user)
    assert told[:2] == ["create", "press"]
    assert len(told) == 3
    assert set(told) & PROOFS
    assert is_safe(house, user, person)


@pytest.mark.parametrize("turn", range(TURNS))
def test_control_o2_of_two_presses_at_once_one_is_on_the_way(house: House, turn: int) -> None:
    """Whoever has a password page that is not the newest gets nothing by sending it off."""
    user = house.invited()
    browsers = [house.person(), house.person()]
    landings = [one.open(house.link(user)) for one in browsers]
    pages = at_once(lambda pair: pair[0].press(pair[1]), list(zip(browsers, landings, strict=True)))
    handover = open_handover(house, user)
    assert handover is not None
    links = house.console.get(f"users/{house.account(user)}/federated-identity")
    assert [link["userId"] for link in links] == [handover.sub]
    newest = [browser_of(one.cookie(COOKIE)) == handover.browser for one in browsers]
    first, second = newest.index(False), newest.index(True)
    if pages[first].title == UPDATE_PASSWORD:
        browsers[first].choose_password(pages[first], STOLEN)
    assert not house.is_signed_in(browsers[first])
    assert browsers[second].choose_password(pages[second], PASSWORD).title == ALL_SET
    assert is_safe(house, user, browsers[second])
    assert not opens(house, user, STOLEN)
    assert house.told(user) == ["create", "press", "press", "accept"]


def test_control_o7_of_many_who_show_one_code_at_once_one_gets_a_token(house: House) -> None:
    user, person = house.invited(), house.person()
    house.begin(person, user)
    code = house.stolen_code(person)
    answers = at_once(lambda verifier: house.redeem(code, verifier).status_code, ["v" * 43] * FLEET)
    assert sorted(answers) == [200] + [400] * (FLEET - 1)
    assert person.choose_password(house.begin(person, user), PASSWORD).title == ALL_SET
    assert is_safe(house, user, person)


def scan(scanner: Person, link: str, origin: str | None) -> int:
    """What a mail scanner without scripts does to a link: looks in every way, follows whatever the page
    refers to, sends its form. The status of what it sent.
    """
    page = scanner.open(link)
    for method in ("HEAD", "OPTIONS", "GET"):
        assert requests.request(method, link, timeout=20).status_code == 200
    for address in _REFERENCE.findall(page.page.text):
        scanner.open(urljoin(link, html.unescape(address)))
    target, hidden = form_of(page)
    headers = {"Origin": origin} if origin else {}
    return requests.post(target, hidden, headers=headers, timeout=20).status_code


def test_control_i5_a_fleet_of_scanners_uses_nothing_up(house: House) -> None:
    """Half of them send the form without an origin, half as another site."""
    user = house.invited()
    origins = [None, "https://scanner.example"] * (FLEET // 2)
    link = house.link(user)
    refused = at_once(lambda origin: scan(house.person(), link, origin), origins)
    assert refused == [403] * FLEET
    assert open_handover(house, user) is None
    assert not house.linked(user)
    assert house.told(user) == ["create"]
    person = comes_in(house, user)
    assert is_safe(house, user, person)
    assert not opens(house, user, STOLEN)
    assert house.told(user) == ["create", "press", "accept"]
