"""How often people may do what costs something: press, ask for a new link, try links that lead nowhere. It
owns the rules and whose request counts as whose; what is answered instead is the views'.

============  =====================================  ==============  ===================================
what          counted for                            at most         where
============  =====================================  ==============  ===================================
press         a link and a browser                   10 an hour      database, for all processes
press         a link and a client's address          60 an hour      database
press         a link                                 200 an hour     database
a new link    a link and a client's address          10 an hour      database
a new link    a link                                 30 an hour      database
bad link      a client's address                     20 a minute     memory, each process for itself
============  =====================================  ==============  ===================================

Nothing that is counted for an address alone ever keeps a good link from its page: a whole office, or the
mail scanner that opens all its links, has one address. What is written is written for links that we made,
so strangers cannot fill the database; for links that lead nowhere it stays in a memory of fixed size. An
address is kept as a keyed digest, within the window alone.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable
from ipaddress import IPv6Address, ip_address

from connector.application.ports import Clock
from connector.application.records import Tally
from connector.application.repeat import repeated
from connector.application.repositories import Store
from connector.foundation.config import LimitSettings
from connector.foundation.links import InvitationLinks
from connector.invite.standing import Invited

HOUR = 3600.0
MINUTE = 60.0
MEMORY = 10_000
"""Addresses that are remembered at once; the one unseen for longest makes room."""
_IPV6_SITE = 64
"""Bits of an IPv6 address that one household or office has in common (RFC 6177)."""

_Rule = tuple[str, int, tuple[str, ...]]
"""What is counted, how often it may be, and for whom."""


class Limits:
    """Counts, and says how many seconds to wait; 0: go on. Safe for many threads."""

    def __init__(self, store: Store, clock: Clock, links: InvitationLinks, settings: LimitSettings) -> None:
        self._store = store
        self._clock = clock
        self._links = links
        self._settings = settings
        self._nowhere = _Memory(clock.now)

    def press(self, invited: Invited, *, browser: str, address: str) -> float:
        """One more press of a link, in a browser (empty for a new one)."""
        link, most = _link_of(invited), self._settings
        rules: list[_Rule] = [
            ("press.address", most.presses_per_address, (*link, _site_of(address))),
            ("press.link", most.presses_per_link, link),
        ]
        if browser:
            rules.append(("press.browser", most.presses_per_browser, (*link, browser)))
        return self._wait(rules)

    def renewal(self, invited: Invited, *, address: str) -> float:
        """One more wish for a new link."""
        link, most = _link_of(invited), self._settings
        return self._wait(
            [
                ("renewal.address", most.renewals_per_address, (*link, _site_of(address))),
                ("renewal.link", most.renewals_per_link, link),
            ]
        )

    def nowhere(self, address: str) -> float:
        """One more link that leads nowhere. Nothing is written down: looking writes nothing."""
        tally = self._nowhere.count(_site_of(address))
        return self._over(tally, self._settings.bad_links_per_address)

    def _wait(self, rules: Iterable[_Rule]) -> float:
        named = [(f"{what}:{self._links.derive(what, *whose)}", most) for what, most, whose in rules]
        return repeated(lambda: self._counted(named))

    def _counted(self, named: list[tuple[str, int]]) -> float:
        """All are counted in one order everywhere, whatever each says: two processes never wait for each
        other.
        """
        now = self._clock.now()
        with self._store.write() as work:
            tallies = [
                (work.tallies.count(name, window=HOUR, now=now), most) for name, most in sorted(named)
            ]
        return max(self._over(tally, most) for tally, most in tallies)

    def _over(self, tally: Tally, most: int) -> float:
        return max(1.0, tally.ends_at - self._clock.now()) if tally.count > most else 0.0


class _Memory:
    """Tallies of one minute in this process."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._tallies: OrderedDict[str, Tally] = OrderedDict()
        self._lock = threading.Lock()

    def count(self, name: str) -> Tally:
        """Once more."""
        now = self._now()
        with self._lock:
            before = self._tallies.pop(name, None)
            is_running = before is not None and now < before.ends_at <= now + MINUTE
            tally = (
                Tally(count=before.count + 1, ends_at=before.ends_at)
                if before is not None and is_running
                else Tally(count=1, ends_at=now + MINUTE)
            )
            self._tallies[name] = tally
            if len(self._tallies) > MEMORY:
                self._tallies.popitem(last=False)
        return tally


def _link_of(invited: Invited) -> tuple[str, str]:
    return invited.invitation.id, str(invited.generation)


def _site_of(address: str) -> str:
    """Whom an address stands for: of IPv6 the network, for everybody has many addresses in it."""
    try:
        found = ip_address(address)
    except ValueError:
        return address
    if isinstance(found, IPv6Address):
        return str(found.ipv4_mapped or int(found) >> _IPV6_SITE)
    return str(found)
