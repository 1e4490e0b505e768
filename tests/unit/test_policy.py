"""Whose addresses a tenant takes."""

import pytest

from connector.domain.policy import Policy, on_the_wire

FULL_WIDTH, IDEOGRAPHIC_DOT, SOFT_HYPHEN = (
    "x@\uff47mail.example",
    "x@gmail\u3002example",
    "x@gm\xadail.example",
)


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
    assert on_the_wire(domain) == wire


@pytest.mark.parametrize("address", [FULL_WIDTH, IDEOGRAPHIC_DOT, SOFT_HYPHEN, "x@GMAIL.example"])
def test_no_spelling_of_a_domain_that_is_denied_comes_through(address: str) -> None:
    assert not Policy(email_domains_deny=frozenset({"gmail.example"})).allows_domain(address)


@pytest.mark.parametrize("address", ["eve@roßmann.example", "eve@" + "x" * 64, "eve", "eve@"])
def test_no_other_domain_passes_for_one_that_is_allowed(address: str) -> None:
    assert not Policy(email_domains_allow=frozenset({"rossmann.example"})).allows_domain(address)


def test_who_has_no_address_is_not_asked_for_its_domain() -> None:
    policy = Policy(email_domains_allow=frozenset({"acme.example"}))
    assert policy.allows_domain("")
    assert policy.allows_domain("Ada@ACME.example")
