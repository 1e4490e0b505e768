"""Whose addresses a tenant takes."""

from typing import Any

import pytest

from connector.domain.policy import Policy
from connector.foundation.mail_address import domain_of
from tests.support.builders import a_tenant, facts

FULL_WIDTH, IDEOGRAPHIC_DOT, SOFT_HYPHEN = (
    "x@\uff47mail.example",
    "x@gmail\u3002example",
    "x@gm\xadail.example",
)
RAISED, FILLER = "x@\u1d33mail.example", "x@gm\u115fail.example"
"""These came after the standard library's tables, and mail servers are asked for gmail all the same."""


def allows(address: str, **policy: Any) -> bool:
    return facts(a_tenant(**policy)).allows_address(address)


@pytest.mark.parametrize(
    ("domain", "wire"),
    [
        ("Acme.Example", "acme.example"),
        ("müller.example", "xn--mller-kva.example"),
        ("XN--MLLER-KVA.example", "xn--mller-kva.example"),
        # RFC 5891 keeps it; the older standard wrote ss, which is somebody else's domain.
        ("straße.example", "xn--strae-oqa.example"),
        ("\uff47mail.example", "gmail.example"),
        ("gmail\u3002example", "gmail.example"),
        ("gm\xadail.example", "gmail.example"),
        ("x" * 64, ""),
        ("", ""),
    ],
)
def test_a_domain_is_compared_as_mail_servers_are_asked_for_it(domain: str, wire: str) -> None:
    assert domain_of(f"x@{domain}") == wire


@pytest.mark.parametrize(
    "address",
    [FULL_WIDTH, IDEOGRAPHIC_DOT, SOFT_HYPHEN, RAISED, FILLER, "x@GMAIL.example", "x@" + "x" * 64],
)
def test_no_spelling_of_a_domain_that_is_denied_comes_through(address: str) -> None:
    assert not allows(address, email_domains_deny=frozenset({"gmail.example"}))


@pytest.mark.parametrize("address", ["eve@roßmann.example", "eve@" + "x" * 64, "eve", "eve@"])
def test_no_other_domain_passes_for_one_that_is_allowed(address: str) -> None:
    assert not allows(address, email_domains_allow=frozenset({"rossmann.example"}))


def test_who_has_no_address_is_not_asked_for_its_domain() -> None:
    acme = frozenset({"acme.example"})
    assert allows("", email_domains_allow=acme)
    assert allows("Ada@ACME.example", email_domains_allow=acme)


def test_where_no_domain_is_kept_out_none_is_looked_at() -> None:
    assert Policy().allows_domain("")
