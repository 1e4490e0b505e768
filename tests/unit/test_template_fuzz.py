"""Templates by the thousand, put together of what is allowed and what is not. To look at any of them is
cheap; whatever passes makes mails, for people called anything, that a mail program reads as harmless.

``USHER_TEST_FUZZ_SECONDS`` is how long; a nightly run sets 600.
"""

import os
import random
import time
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from connector.domain.effects import Template
from connector.domain.errors import Misconfigured
from connector.domain.model import Brand, PortalUser
from connector.mail.content import MailContents
from connector.mail.preview import DUMMY_LINK, somebody
from connector.mail.template_limits import LARGEST, decoded
from connector.mail.template_rules import Part
from connector.mail.templates import Content
from connector.mail.tenant_templates import findings_of
from connector.mail.variables import VARIABLES
from tests.support.builders import NOW, a_tenant
from tests.support.cost import bytes_of, seconds_of

SECONDS = float(os.environ.get("USHER_TEST_FUZZ_SECONDS", "5"))
QUICK, SMALL = 0.050, 1_000_000
HTML = Part(template=Template.INVITATION, name="body.html")
LINK = '<a href="{{ invitation.link }}">x</a>'
HOSTILE = '"><script>x</script><b onclick="x" style="background:url(x)">{{ 7*7 }}'
TENANT = replace(
    a_tenant(),
    name=f"Acme {HOSTILE}",
    brand=Brand(primary="#003366", support="help@acme.example", footer=HOSTILE),
)

CONDITIONS = ("user.given_name", "not locale == 'de'", "inviter.display_name and user.email", "brand.logo")
PIECES = (
    *(f"{{{{ {name} }}}}" for name in sorted(VARIABLES)),
    *(f"{{% if {condition} %}}" for condition in CONDITIONS),
    *("{% else %}", "{% elif locale %}", "{% endif %}", "{% endif %}", "{% endif %}", "{% endif %}"),
    *("{{- user.email -}}", "{{ user.email|upper }}", "{{ user.email|default('<b>', true) }}"),
    *("{{ '<script>' }}", "{{ '\"' }}", "{{ invitation.expires_at|date }}", "{# <script> #}"),
    *("<p>", "</p>", "<b>", "</b>", "<br/>", "<style>", "</style>", "<title>", "</title>", LINK),
    *('<p title="{{ user.email }}">', '<p style="color: {{ brand.ink }}">', '<a href="{{ portal.url }}">'),
    *("p { color: red }", "@media (x) { }", "word ", "&lt;", "&amp", "ж", "🎉", "\n", " "),
)
WILD = (
    *("<", ">", '"', "'", "=", "/", "&", ";", "-->", "<!--", "]]>", "<![CDATA[", "\\", "#}", "}}", "%}"),
    *("{", "{{", "{%", "{#", "|", "(", ")", "[", "]", "~", ".", "*", "not ", "and ", "raw ", "{% raw %}"),
    *("<script", "</script>", "<svg", "<img ", " onclick", ' onclick="', ' style="', "url(", "@import "),
    *('<a href="', "javascript:", "//", "www.", "{% for x in y %}", "{% set x = 1 %}", "{{ range(9) }}"),
    *("{% extends 'mail/_base.html' %}", "{% block title %}", "{% block message %}", "{% endblock %}"),
    *("\0", "\t", "\r", "\x0b", "\u2028", "\ue000", "\ufeff", "<!doctype html>", "<plaintext>", "<xmp>"),
)
HARM = (
    *("<script>", "<svg>", "<form>", '<b onclick="x">', '<p style="background: url(x)">', '" onclick="x'),
    *('<a href="x">', '<a href="{{ user.email }}">', '<img src="x">', '<img src="{{ user.email }}">'),
    *(
        '<p style="background: {{ user.given_name }}">',
        "<style>p { background: {{ tenant.name }} }</style>",
    ),
    *("<!-- <script> -->", "<script x='", "<{% if locale %}script{% endif %}>", "<b{{ user.email }}>"),
    *(
        '<b title="{% if locale %}" onclick="x{% endif %}">',
        "{% if brand.logo %}<!--{% else %}<p>{% endif %}",
    ),
)


def framed(message: str, title: str) -> str:
    """A template that fills the shipped frame."""
    blocks = {"message": LINK + message, "title": title}
    filled = "".join(f"{{% block {name} %}}{text}{{% endblock %}}" for name, text in blocks.items())
    return f'{{% extends "mail/_base.html" %}}{filled}'


def sources(rng: random.Random) -> Iterator[str]:
    """Good ones, ones with one bad thing in them, wild ones, and floods."""
    while True:
        good = [rng.choice(PIECES) for _ in range(rng.randrange(1, 12))]
        yield LINK + "".join(good)
        yield framed(good[0], "".join(rng.choice((" ", "word", *HARM)) for _ in range(2)))
        good.insert(rng.randrange(len(good) + 1), rng.choice((*WILD, *HARM)))
        yield LINK + "".join(good)
        wild = [rng.choice((*PIECES, *WILD, *HARM)) for _ in range(rng.randrange(1, 9))]
        yield "".join(wild) + LINK
        if rng.random() < 0.02:
            unit = "".join(rng.choice((*PIECES, *WILD)) for _ in range(rng.randrange(1, 4)))
            yield unit * (LARGEST // len(unit.encode()))


class Read(HTMLParser):
    """What a mail program would do because of a mail."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.does: set[str] = set()
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in {"script", "form", "iframe", "object", "embed", "svg", "math", "base", "link"}:
            self.does.add(tag)
        for name, value in attrs:
            if name.startswith("on") or name in {"src", "srcset", "background", "http-equiv"}:
                self.does.add(name)
            if name == "style" and "url" in (value or ""):
                self.does.add("url")
            if name == "href" and value not in {DUMMY_LINK, TENANT.portal_url, "mailto:help@acme.example"}:
                self.does.add(f"goes to {value}")


def people() -> Iterator[PortalUser]:
    """Somebody of whom all is known, of whom nothing is, and who means harm."""
    plain = somebody(TENANT, "en", NOW)
    yield plain
    for name in ("", HOSTILE):
        profile = replace(plain.profile, given_name=name, family_name=name, display_name=name)
        yield replace(plain, profile=profile)


def mails(source: str) -> Iterator[Content]:
    """What ``source`` says to each of these; nothing to whom it would show a logo that is not there."""
    own = {"subject.txt": "x", "body.txt": "{{ invitation.link }}", "body.html": source}
    named = {f"{HTML.template}/en/{name}": text for name, text in own.items()}
    contents = MailContents(own={TENANT.id: named})
    for user in people():
        yield contents.content(HTML.template, TENANT, user, link=DUMMY_LINK, logo=None)


def test_control_t1_whatever_is_put_together_is_cheap_to_look_at_and_harmless_if_it_passes() -> None:
    seed = random.SystemRandom().randrange(2**32)
    rng = random.Random(seed)  # noqa: S311 - it picks test data
    ends = time.monotonic() + SECONDS
    passed = looked = 0
    for source in sources(rng):
        if time.monotonic() > ends:
            break
        looked += 1
        if not check(source, f"seed {seed}: {source[:500]!r}"):
            continue
        passed += 1
        for content in mails(source):
            assert Read(content.html).does == set(), f"seed {seed}: {source!r}"
            assert DUMMY_LINK in content.html
    assert passed > looked * 0.05


def check(source: str, said: str) -> bool:
    """Whether ``source`` passes; to say so is cheap."""
    data = source.encode()

    def look() -> bool:
        try:
            return not findings_of(decoded(data), HTML)
        except ValueError:
            return False

    seconds, passes = seconds_of(look, tries=1)
    if seconds > QUICK:
        seconds, passes = seconds_of(look, tries=3)
    assert seconds < QUICK, said
    assert bytes_of(look) < SMALL, said
    return passes


@pytest.mark.parametrize(
    "filling",
    [
        *("x", "ж", "&lt;", "x" * 40 + "\n"),
        *(f"<b>{'x' * 65}</b>", f'<p class="a" title="{"b" * 40}">{"x" * 20}</p>'),
    ],
)
@pytest.mark.parametrize("tags", [1, 64, 126])
def test_control_t1_the_largest_template_there_may_be_is_made_for_little(filling: str, tags: int) -> None:
    """Looked at within the bounds of all; compiled once, at twelve kilobytes a tag."""
    tag = "{% if user.email %}{{ user.email }}{% endif %}" if tags < 3 else "{{ user.email }}"
    room = (LARGEST - len(LINK)) // tags - len(tag)
    source = LINK + (tag + filling * (room // len(filling.encode()))) * tags
    assert check(source, filling)
    list(mails(LINK))
    seconds, _ = seconds_of(lambda: next(mails(source)))
    assert seconds < 2 * QUICK
    assert bytes_of(lambda: next(mails(source))) < 3 * SMALL


def test_control_t1_one_wide_character_makes_no_look_dear() -> None:
    """Python then holds each character of the whole in four bytes."""
    assert check(f"{LINK} 🎉{'x' * 65_000}", "a wide character")


def test_control_t1_a_mail_without_its_link_is_not_sent_whatever_passed() -> None:
    with pytest.raises(Misconfigured, match=r"must show invitation\.link"):
        next(mails("<p>no link</p>"))
