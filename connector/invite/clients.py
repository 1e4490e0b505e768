"""Whose request it is: the address of the client, behind however many proxies of ours. It owns which header
is believed, and from whom.
"""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from flask import request

Network = IPv4Network | IPv6Network


def client_address(proxies: Sequence[Network]) -> str:
    """The client's address. ``X-Forwarded-For`` counts only as far as it was written by listed proxies:
    read from its end, the first address that is none of theirs is the client's, whatever stands before it.
    """
    address = request.remote_addr or ""
    hops = [hop.strip() for hop in ",".join(request.headers.getlist("X-Forwarded-For")).split(",")]
    while hops and _is_of(address, proxies):
        hop = hops.pop()
        if _parsed(hop) is None:
            break
        address = hop
    return address


def _is_of(address: str, proxies: Sequence[Network]) -> bool:
    found = _parsed(address)
    return found is not None and any(found in network for network in proxies)


def _parsed(address: str) -> IPv4Address | IPv6Address | None:
    """An address as it is compared: IPv4 in IPv6's clothes is IPv4."""
    try:
        found = ip_address(address)
    except ValueError:
        return None
    return (found.ipv4_mapped or found) if isinstance(found, IPv6Address) else found
