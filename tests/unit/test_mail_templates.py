"""Templates that are not ours: what they may not do, and what happens then."""

from html import escape
from typing import Any

import pytest
from jinja2 import DictLoader

from connector.domain.effects import Template
from connector.domain.errors import Misconfigured
from connector.mail.render import MailRenderer
from connector.mail.templates import MailTemplates
from tests.support.builders import ACME, FakeClock, a_tenant, a_user, an_invitation

LINK = "https://usher.example.com/invite/token?a=1&b=2"
GOOD = {
    "subject.txt": "Hello from {{ tenant.name }}",
    "body.txt": "Go to {{ invitation.link }}",
    "body.html": '<p><a href="{{ invitation.link }}">Go</a></p>',
}


def loader(**languages: dict[str, str]) -> DictLoader:
    """The mail ``invitation`` in some languages, each with its parts."""
    return DictLoader(
        {
            f"mail/invitation/{tag}/{part}": text
            for tag, parts in languages.items()
            for part, text in parts.items()
        }
    )


def render(**parts: str) -> Any:
    changed = {name.replace("_", "."): text for name, text in parts.items()}
    renderer = MailRenderer(
        clock=FakeClock(), default_sender="portal@example.com", loader=loader(en=GOOD | changed)
    )
    user = a_user(invitation=an_invitation())
    return renderer.render(Template.INVITATION, a_tenant(), user, link=LINK, request_id="request-1")


def test_a_good_template_makes_a_mail() -> None:
    mail = render().message.decode()
    assert "Subject: Hello from Acme GmbH" in mail
    assert escape(LINK).replace("=", "=3D") in mail.replace("=\r\n", "")


@pytest.mark.parametrize("part", ["subject_txt", "body_txt", "body_html"])
@pytest.mark.parametrize(
    "source",
    [
        "{{ nobody }}",
        "{{ tenant.nothing }}",
        "{% if tenant.nothing %}x{% endif %}",
        "{{ tenant.name.__class__.__mro__ }}",
        "{{ ''.__class__ }}",
        "{{ range(9) }}",
        "{{ lipsum() }}",
        "{{ tenant.name",
        "{% include '/etc/passwd' %}",
    ],
)
def test_control_t1_what_a_template_may_not_is_a_fault_that_names_it(part: str, source: str) -> None:
    with pytest.raises(Misconfigured, match=r"mail/invitation/en/"):
        render(**{part: f"{GOOD[part.replace('_', '.')]} {source}"})


@pytest.mark.parametrize(
    "variable",
    ["user.given_name", "user.display_name", "user.email", "inviter.display_name", "invitation.link"],
)
def test_control_m1_a_subject_cannot_name_person_inviter_or_link(variable: str) -> None:
    with pytest.raises(Misconfigured, match=r"subject\.txt"):
        render(subject_txt=f"Hello {{{{ {variable} }}}}")


@pytest.mark.parametrize(("part", "source"), [("body_txt", "Come in"), ("body_html", "<p>Come in</p>")])
def test_an_inviting_template_without_the_link_makes_no_mail(part: str, source: str) -> None:
    with pytest.raises(Misconfigured, match=r"must show invitation\.link"):
        render(**{part: source})


def test_a_subject_of_many_lines_becomes_one() -> None:
    assert (
        "Subject: Hello Bcc: eve\r\n" in render(subject_txt="\nHello\r\n\u2028Bcc: eve\n").message.decode()
    )


def test_control_m1_a_subject_with_nul_makes_no_mail() -> None:
    with pytest.raises(Misconfigured, match="control character"):
        render(subject_txt="Hello\0")


@pytest.mark.parametrize("missing", ["subject.txt", "body.txt", "body.html"])
def test_a_language_with_a_part_missing_is_none(missing: str) -> None:
    half = {name: text for name, text in GOOD.items() if name != missing}
    templates = MailTemplates(loader(en=GOOD, de=half))
    assert templates.choose("invitation", ["de", "en"], tenant=ACME).language == "en"


def test_a_mail_that_english_lacks_is_a_fault() -> None:
    templates = MailTemplates(loader(de=GOOD))
    assert templates.choose("invitation", ["de"], tenant=ACME).language == "de"
    with pytest.raises(Misconfigured, match="English"):
        templates.choose("invitation", ["fr"], tenant=ACME)


def test_a_language_is_found_whatever_the_case_of_its_folder() -> None:
    templates = MailTemplates(loader(**{"zh-Hant": GOOD}))
    assert templates.choose("invitation", ["zh-hant"], tenant=ACME).language == "zh-Hant"
