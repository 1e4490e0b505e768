"""What somebody may write into a tenant's template who wants more than a mail: each is refused, with a
sentence, before it costs anything.
"""

import subprocess
import sys
from pathlib import Path

import pytest

from connector.domain.effects import Template
from connector.mail.template_limits import LARGEST, MOST_FAULTS, decoded
from connector.mail.template_rules import Part
from connector.mail.tenant_templates import findings_of
from tests.support.cost import bytes_of, seconds_of
from tests.support.templates import write_templates

LINK = '<a href="{{ invitation.link }}">Go</a>'
FRAMED = f'{{% extends "mail/_base.html" %}}{{% block message %}}{LINK}{{% endblock %}}'
QUICK, SMALL = 0.005, 1_000_000


def sized(unit: str) -> str:
    """``unit`` again and again, to the largest file there may be."""
    return unit * (LARGEST // len(unit.encode()))


LANGUAGE = {
    # what a template would do with Jinja
    "{% for x in user %}x{% endfor %}": "{% for %} is not for mails",
    "{% for a in 'aa' %}{% for b in 'bb' %}x{% endfor %}{% endfor %}": "{% for %} is not for mails",
    "{% set x = 1 %}": "{% set %} is not for mails",
    "{% include 'pages/_base.html' %}": "{% include %} is not for mails",
    "{% import 'mail/_base.html' as x %}": "{% import %} is not for mails",
    "{% from 'mail/_base.html' import x %}": "{% from %} is not for mails",
    "{% macro x() %}{{ x() }}{% endmacro %}": "{% macro %} is not for mails",
    "{% call x() %}{% endcall %}": "{% call %} is not for mails",
    "{% filter upper %}x{% endfilter %}": "{% filter %} is not for mails",
    "{% with x = 1 %}{% endwith %}": "{% with %} is not for mails",
    "{% autoescape false %}{{ tenant.name }}{% endautoescape %}": "{% autoescape %} is not for mails",
    "{% raw %}{# {% endraw %}{{ x }} #}": "{% raw %} is not for mails",
    "{%- do x -%}": "{% do %} is not for mails",
    "{{ 'a' * 10**9 }}": "Mul is not for mails",
    "{{ 9 ** 9 ** 9 }}": "Pow is not for mails",
    "{{ 1 + 1 }}": "Add is not for mails",
    "{{ tenant.name ~ tenant.name }}": "Concat is not for mails",
    "{{ tenant['name'] }}": "Getitem is not for mails",
    "{{ [1, 2] }}": "List is not for mails",
    "{{ (1, 2) }}": "Tuple is not for mails",
    "{{ 1 if 1 else 2 }}": "CondExpr is not for mails",
    "{{ range(999999999) }}": "Call is not for mails",
    "{{ lipsum() }}": "Call is not for mails",
    "{{ cycler.__init__.__globals__.os.popen('id') }}": "Call is not for mails",
    "{{ self.title() }}": "Call is not for mails",
    "{{ super() }}": "Call is not for mails",
    "{{ tenant.__class__ }}": "there is no variable tenant.__class__",
    "{{ tenant.name.__class__ }}": "a variable has one dot at most",
    "{{ ''.__class__.__mro__ }}": "a variable has one dot at most",
    "{{ config }}": "there is no variable config",
    "{{ self }}": "there is no variable self",
    "{{ user.emial }}": "did you mean 'user.email'?",
    "{{ tenant.name|safe }}": "there is no filter safe",
    "{{ tenant.name|attr('x') }}": "there is no filter attr",
    "{{ '%s'|format(1) }}": "the tag {{ must end in }}",
    "{{ tenant.name|center(999999999) }}": "there is no filter center",
    "{{ tenant.name|default(tenant.name) }}": "the filter default takes a text",
    "{{ tenant.name|default(*user) }}": "the filter default takes a text",
    "{{ tenant.name|default('x', boolen=true) }}": "the filter default takes a text",
    "{{ tenant.name|default(default_value='x') }}": "the filter default takes a text",
    "{{ tenant.name|default(boolean=true, boolean=true) }}": "the filter default takes a text",
    "{{ tenant.name|default('x', true, boolean=true) }}": "the filter default takes a text",
    "{{ tenant.name|upper(s='x') }}": "the filter upper takes nothing",
    "{{ tenant.name|upper(1) }}": "the filter upper takes nothing",
    "{{ tenant.name|date }}": "the filter date is for invitation.expires_at alone",
    "{{ tenant.name == 'x' }}": "are for {% if … %} alone",
    "{% if locale < 'x' %}{% endif %}": "only == and != compare",
    "{% if locale in 'x' %}{% endif %}": "only == and != compare",
    "{% if user.email != 'anna.muster@example.com' %}x{% endif %}": "locale are compared",
    "{% if user.email|lower == 'eve' %}x{% endif %}": "locale are compared",
    "{% if locale == (user.email == 'eve') %}x{% endif %}": "are for {% if",
    "{% if 1e999 %}x{% endif %}": "a number with a fraction",
    "a \x90 b": "cannot be seen (U+0090)",
    "a \u202e b": "cannot be seen (U+202E)",
    "{% if tenant.name is defined %}{% endif %}": "there are no tests with 'is'",
    "{% if tenant.name %}": "is no template",
    "{% endif %}": "is no template",
    "{{ }}": "is no template",
    "{{ tenant.name": "the tag {{ must end in }}",
    "{% if": "the tag {% must end in %}",
    "{# no end": "the comment {# has no end",
    "{{ '}}' ~ 'x' }}": "a quote within the tag has no end",
    '{{ "\'}}" }}': "a quote within the tag has no end",
    "{{ '\\x41' }}": "the tag {{ must end in }}",
    f"{{{{ {'9' * 5000} }}}}": "the tag {{ must end in }}",
    f"{{{{ {'(' * 90}1{')' * 90} }}}}": "is nested more than 8 deep",
    f"{{{{ {'[' * 90}1{']' * 90} }}}}": "is nested more than 8 deep",
    f"{{{{ {'-' * 190}1 }}}}": "Neg is not for mails",
    f"{{{{ {'not ' * 45}1 }}}}": "are for {% if … %} alone",
    f"{{{{ tenant.name{'|foo' * 45} }}}}": "there is no filter foo",
    f"{{{{ x{'.y' * 90} }}}}": "a variable has one dot at most",
    "{% if 1 %}" * 9 + "{% endif %}" * 9: "is nested more than 8 deep",
    "{% block x %}{% block y %}{% endblock %}{% endblock %}": "a block stands at the outermost level",
    "{% if 1 %}{% extends 'mail/_base.html' %}{% endif %}": "Extends is not for mails",
    "\0": "a character that cannot be seen (U+0000)",
    "\ue000": "a character that cannot be seen (U+E000)",
}
HTML = {
    # what a template would do with a mail program
    "<script>alert(1)</script>": "<script> is not for mails",
    "<SCRIPT>": "<script> is not for mails",
    "<script/x>": "a tag is written like",
    "<svg></svg>": "<svg> is not for mails",
    "<math></math>": "<math> is not for mails",
    "<form></form>": "<form> is not for mails",
    "<input>": "<input> is not for mails",
    '<iframe src="x"></iframe>': "<iframe> is not for mails",
    "<object></object>": "<object> is not for mails",
    "<embed>": "<embed> is not for mails",
    '<base href="x">': "<base> is not for mails",
    '<link href="x">': "<link> is not for mails",
    "<template>": "<template> is not for mails",
    "<noscript>": "<noscript> is not for mails",
    "<plaintext>": "<plaintext> is not for mails",
    "<xmp>": "<xmp> is not for mails",
    '<meta http-equiv="refresh">': "the attribute http-equiv is not for mails",
    '<meta charset="utf-7">': "a mail is UTF-8",
    '<meta name="referrer">': "<meta> may be one of",
    '<p onclick="x">': "onclick would run a script",
    '<p ONCLICK="x">': "onclick would run a script",
    "<p onclick=x>": "a tag is written like",
    "<p class='x'>": "a tag is written like",
    '<p class="x"onclick="y">': "a tag is written like",
    '<p/onclick="y">': "a tag is written like",
    '<p class="<script>">': "a tag is written like",
    "<p class=": "a tag is written like",
    '<p srcdoc="x">': "the attribute srcdoc is not for mails",
    '<td background="x">': "the attribute background is not for mails",
    '<img srcset="x">': "the attribute srcset is not for mails",
    '<img src="pixel.png">': "the only image is {{ brand.logo }}",
    '<img src="{{ user.email }}">': "the only image is {{ brand.logo }}",
    '<img src="{{ brand.logo }}?x">': "the only image is {{ brand.logo }}",
    '<img src="//evil.example/x">': "no address is written out",
    '<p src="x">': "<p> may fetch nothing",
    '<p href="x">': "<p> may fetch nothing",
    '<a href="https://evil.example">': "no address is written out",
    '<a href="evil">': "a link leads to",
    '<a href="javascript:x">': "a link leads to",
    '<a href="javascript:{{ user.email }}">': "a link leads to",
    '<a href="{{ user.email }}">': "a link leads to",
    '<a href="mailto:{{ user.email }}">': "a link leads to",
    '<a href="{{ invitation.link }}@evil">': "a link leads to",
    '<a href="{{ invitation.link|lower }}">': "a link leads to",
    "<a href=\"{{ 'x' }}\">": "a link leads to",
    "<a href>": "a link leads to",
    '<a href="{{ portal.url }}" href="{{ invitation.link }}">': "href stands twice",
    '<a href="{% if 1 %}{{ portal.url }}{% endif %}">': "a condition stands within a tag",
    "<{% if 1 %}b{% else %}script{% endif %}>": "a condition stands within a tag",
    "{% if 1 %}<!--{% endif %}<script>{% if 1 %}-->{% endif %}": "an HTML comment runs",
    "{% if 1 %}<style>{% endif %}<script>": "<style> must end in </style>",
    "<{{ user.email }}>": "a < that begins no tag",
    "</{{ user.email }}>": "a < that begins no tag",
    '<p {{ user.email }}="x">': "a tag is written like",
    "<!--[if mso]><script></script><![endif]-->": "an HTML comment runs",
    "<![CDATA[x]]>": "a < that begins no tag",
    "<?xml?>": "a < that begins no tag",
    "1 < 2": "a < that begins no tag",
    '<p style="background: url(x)">': "a style may not use url()",
    '<p style="background: URL(x)">': "a style may not use URL()",
    '<p style="background: u\\72l(x)">': "a style may hold no backslash",
    '<p style="background: &#117;rl(x)">': "a style may hold no backslash and no &",
    '<p style="background: image-set(x)">': "a style may not use image-set()",
    '<p style="width: expression(x)">': "a style may not use expression()",
    '<p style="color: {{ user.given_name }}">': "a style may name the colours",
    "<p style=\"color: {{ brand.primary|default('x') }}\">": "a style may name the colours",
    "<style>p { color/**/: red }</style>": "a style may hold no comment",
    "<style>@import 'x';</style>": "a style may have no @import",
    "<style>@font-face { }</style>": "a style may have no @font-face",
    "<style>p { color: {{ tenant.name }} }</style>": "a style may name the colours",
    "<style>{% if 1 %}p{% endif %}</style>": "<style> must end in </style>",
    "<style>p {}": "<style> must end in </style>",
    "<title>x": "<title> must end in </title>",
    # what a parser would make many of
    "<b><p>x</p></b>": "<b> goes around words alone: end it before <p>",
    "<td><a></td></a>": "<a> goes around words alone: end it before </td>",
    "<p><b>x": "<b> has no end",
    "<b/>": "<b> has no end",
    "<b><i>x</b></i>": "</b> ends no tag that was just opened; the last one open is <i>",
    "</b>": "</b> ends no tag that was just opened",
    "{% if 1 %}<b>{% endif %}x</b>": "<b> must begin and end in the same branch of a condition",
    "<b>{% if 1 %}</b>{% endif %}": "<b> must begin and end in the same branch of a condition",
    "{% if 1 %}<b>{% else %}</b>{% endif %}": "<b> must begin and end in the same branch of a condition",
    "<span>" * 9 + "</span>" * 9: "words are marked more than 8 deep",
    "see http://evil.example": "no address is written out",
    "see www.evil.example": "no address is written out",
    "see http{% if 1 %}:/{% endif %}/evil": "no address is written out",
    "see http:/{{ '/' }}evil": "no address is written out",
}
BLOCKS = {
    # what a template would do with the frame
    "{% extends 'pages/_base.html' %}": 'write {% extends "mail/_base.html" %}',
    "{% extends tenant.name %}": 'write {% extends "mail/_base.html" %}',
    '{% block title %}x" onclick="y{% endblock %}': "the block title holds words alone",
    "{% block preheader %}<b>{% endblock %}": "the block preheader holds words alone",
    "{% block button %}</a>{% endblock %}": "the block button holds words alone",
    '{% block dir %}ltr" onclick="x{% endblock %}': "the block dir is ltr or rtl",
    "{% block dir %}{{ tenant.name }}{% endblock %}": "the block dir is ltr or rtl",
    "{% block href %}javascript:x{% endblock %}": "a link leads to",
    '{% block href %}{{ portal.url }}" onclick="x{% endblock %}': "a link leads to",
    "{% block href %}{% if 1 %}{{ portal.url }}{% endif %}{% endblock %}": "a link leads to",
    "{% block details %}<style>{% endblock %}": "<style> must end in </style>",
    "{% block details %}<script>{% endblock %}": "<script> is not for mails",
    "{% block message %}{% endblock %}": "the block message stands twice",
    "{% block body %}{% endblock %}": "the frame has no block body",
    "<script></script>": "only what stands in a {% block … %} is shown",
    "{{ tenant.name }}": "only what stands in a {% block … %} is shown",
    "{% if 1 %}{% block title %}{% endblock %}{% endif %}": "only what stands in a {% block … %} is shown",
    "{% extends 'mail/_base.html' %}": 'write {% extends "mail/_base.html" %}, once',
}
FLOODS = {
    sized("{"): "the tag {{ must end in }}",
    sized("{{"): "the tag {{ must end in }}",
    sized("{#"): "the comment {# has no end",
    sized("{{ 1 }}"): "there are more than 128 tags",
    sized("{##}"): "there are more than 128 tags",
    ("{{ " + "1+" * 95 + "1 }}") * 128: "all tags together are longer than 6000 characters",
    sized("{% if 1 %}"): "is nested more than 8 deep",
    sized("{% for x in y %}"): "{% for %} is not for mails",
    sized("<script>"): "<script> is not for mails",
    sized("<"): "a < that begins no tag",
    sized("<!--"): "an HTML comment runs",
    sized("<a "): "a tag is written like",
    "<a " + sized("a ")[5:] + ">": "a tag is written like",
    sized('<p a="'): "a tag is written like",
    sized("<style>"): "<style> must end in </style>",
    sized("<p>"): "the mail has more than 1000 HTML tags",
    sized("</p>"): "the mail has more than 1000 HTML tags",
    sized("<div>"): "the mail has more than 1000 HTML tags",
    f"<style>p{{{'a:1;' * 7500}}}</style>" + "<p>" * 40: "characters in <style> for 41 HTML tags, with the",
    f"{FRAMED}{{% block details %}}{'<p>x</p>' * 200}{{% endblock %}}": "characters in <style> for ",
    "<style>" + "".join(f"a{n}:1;" for n in range(4000)) + "</style>": "more than 128 different properties",
    sized("//"): "no address is written out",
    sized("\x01"): "a character that cannot be seen",
}
LOOK_AND_MEASURE = """
import resource, sys, time
from pathlib import Path
from connector.mail.tenant_templates import look_at
from tests.support.builders import a_tenant

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

before = peak()
begun = time.process_time()
looked = look_at(a_tenant(), Path(sys.argv[1]))
print(peak() - before, time.process_time() - begun, *looked.faults)
"""
HREF = "{% block href %}{{ invitation.link }}{% endblock %}"


def refused(source: str, expected: str, part: str = "body.html") -> None:
    """``source`` is refused with ``expected``, for next to nothing."""
    looked = Part(template=Template.INVITATION, name=part)
    seconds, findings = seconds_of(lambda: findings_of(source, looked), tries=5)
    assert expected in findings[0].text, findings
    assert findings[0].line == 1
    assert len(findings) <= MOST_FAULTS
    assert seconds < QUICK
    assert bytes_of(lambda: findings_of(source, looked)) < SMALL


@pytest.mark.parametrize("part", ["body.html", "body.txt"])
@pytest.mark.parametrize("source", LANGUAGE)
def test_control_t1_what_no_template_may_do_is_refused_at_once(source: str, part: str) -> None:
    right = {"body.html": LINK, "body.txt": "{{ invitation.link }}"}[part]
    refused(source + right, LANGUAGE[source], part)


@pytest.mark.parametrize("source", HTML)
def test_control_t1_html_that_is_not_for_mails_is_refused_at_once(source: str) -> None:
    refused(source + LINK, HTML[source])


@pytest.mark.parametrize("source", BLOCKS)
def test_control_t1_what_breaks_out_of_the_frame_is_refused_at_once(source: str) -> None:
    refused(FRAMED + source, BLOCKS[source])


@pytest.mark.parametrize("source", FLOODS, ids=lambda source: source[:12])
def test_control_t1_a_flood_is_refused_at_once(source: str) -> None:
    refused(source, FLOODS[source])


DECLARATIONS = [f"a{number}:1;" for number in range(4000)]
MARKS = "".join(f'<b id="{number}">' for number in range(1500))
STYLED = f'<p style="{"".join(DECLARATIONS[:50])}">'
GROWING = {
    "a rule for each tag": f"<style>p{{{''.join(DECLARATIONS)}}}</style>{'<p>' * 9000}",
    "ends without a beginning": f"<style>p{{{''.join(DECLARATIONS)}}}</style>{'</p>' * 7000}",
    "marks without end": f"<style></style><p>{MARKS}{'x<p>x' * 1500}",
    "tags in tags": "<div>" * 12000,
    "rules against attributes": f"<style>p{{{''.join(DECLARATIONS[:900])}}}</style>{STYLED * 160}",
    "a rule for a thousand": f"<style>p{{{''.join(DECLARATIONS[:120])}}}</style>{'<p>' * 990}",
}


@pytest.mark.parametrize("source", GROWING.values(), ids=GROWING)
def test_control_t1_what_grows_in_the_library_is_held_down(source: str, tmp_path: Path) -> None:
    """In a process of its own, for the library's memory is not Python's, and it ends the process that it
    overruns.
    """
    write_templates(tmp_path, body_html=LINK + source)
    command = [sys.executable, "-c", LOOK_AND_MEASURE, str(tmp_path)]
    ended = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60)
    kilobytes, seconds, told = ended.stdout.split(maxsplit=2)
    assert int(kilobytes) < 30_000
    assert float(seconds) < 0.2
    assert "body.html" in told


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"x" * (LARGEST + 1), "is larger than 64 KB"),
        ("ж".encode() * (LARGEST // 2 + 1), "is larger than 64 KB"),
        (b"\n" * 2001, "has more than 2000 lines"),
        (b"\r" * 2001, "has more than 2000 lines"),
        (b"x\r\n" * 2000 + b"x", "has more than 2000 lines"),
        (b"\xff", "is not UTF-8"),
    ],
)
def test_control_t1_bytes_are_counted_before_anything_reads_them(data: bytes, expected: str) -> None:
    with pytest.raises(ValueError, match=expected):
        decoded(data)


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n"])
def test_a_file_of_as_many_lines_as_there_may_be_is_read(end: str) -> None:
    assert decoded(f"x{end}".encode() * 2000) == "x\n" * 2000
    assert decoded((f"x{end}" * 2000)[: -len(end)].encode()) == ("x\n" * 2000)[:-1]


GLUED = "would become part of the address"
WRITTEN = "no address is written out"
ADDRESSES = {
    "{{ portal.url }}.evil.example": GLUED,
    "{{ portal.url|lower }}.evil.example": GLUED,
    "{{ portal.url }}).evil.example": GLUED,
    "evil.example/{{ invitation.link }}": GLUED,
    "evil.example?x:{{ invitation.link }}": GLUED,
    "{{ invitation.link }}x": GLUED,
    "{{ invitation.link }}{{ user.email }}": GLUED,
    "{{ user.email }}{{ invitation.link }}": GLUED,
    "{{ portal.url }}{{ '.evil' }}": GLUED,
    "{{ portal.url }}{{ user.given_name|default('.evil', true) }}": GLUED,
    "{{ portal.url }}{% if locale %}.evil{% endif %}": GLUED,
    "{{ portal.url }}{% if locale %} {% endif %}.evil": GLUED,
    "{% if locale %}{{ portal.url }}{% else %} {% endif %}.evil": GLUED,
    "{% if locale %} {% else %}evil{% endif %}{{ portal.url }}": GLUED,
    "{% if locale %} {% elif user.email %}evil{% endif %}{{ portal.url }}": GLUED,
    "evil/{% if locale %} {% endif %}{{ portal.url }}": GLUED,
    "me{{ brand.support }}": GLUED,
    "{{ brand.support }}.evil": GLUED,
    "{{ 'www' }}.evil.example": WRITTEN,
    "{{ 'WWW'|lower }}.evil.example": WRITTEN,
    "ww{{ user.given_name }}w.evil.example": WRITTEN,
    "{{ user.given_name|default('www', true) }}.evil.example": WRITTEN,
    "{{ user.given_name|default('www', true)|upper }}.evil.example": WRITTEN,
    "ww{% if locale %}w{% endif %}{% if user.email %}.evil{% endif %}": WRITTEN,
    "http:/{% if locale %}x{% endif %}/evil": WRITTEN,
    "\\\\evil.example\\x": WRITTEN,
}
ADDRESSES_IN_HTML = {
    "http:&#47;&#47;evil": WRITTEN,
    "http:&sol;&sol;evil": WRITTEN,
    "http:/<b></b>/evil": WRITTEN,
    f"{'x' * 8180} http:&#47;&#47;evil": WRITTEN,
    f"{'x' * 8175} http:&#0000047;/evil": WRITTEN,
    f"http:&#{'0' * 40}47;/evil": "an entity stands in one piece and is short",
    f"{'x' * 8190}/&#47;evil": WRITTEN,
    "www<i>.evil</i>": WRITTEN,
    "<title>http:&#47;&#47;evil</title>": WRITTEN,
    "http:/&{{ 'sol;' }}evil": "an entity stands in one piece",
    "http:/&#{% if locale %}47;{% endif %}evil": "an entity stands in one piece",
    "<b>{{ portal.url }}</b>.evil": GLUED,
    '<a href="{{ portal.url }}">{{ portal.url }}</a>.evil': GLUED,
    "{{ portal.url }}&#46;evil": GLUED,
    "evil&#47;<span>{{ portal.url }}</span>": GLUED,
}


@pytest.mark.parametrize("source", ADDRESSES)
@pytest.mark.parametrize("part", ["body.txt", "body.html"])
def test_control_t1_nothing_becomes_another_address_whichever_branch_is_taken(
    source: str, part: str
) -> None:
    right = {"body.html": LINK, "body.txt": "{{ invitation.link }}"}[part]
    refused(f"{source} {right}", ADDRESSES[source], part)


@pytest.mark.parametrize("source", ADDRESSES_IN_HTML)
def test_control_t1_no_tag_and_no_entity_hides_an_address(source: str) -> None:
    refused(f"{source} {LINK}", ADDRESSES_IN_HTML[source])
    framed = f"{{% block greeting %}}{source}{{% endblock %}}"
    if "<" not in source:
        refused(FRAMED + framed, ADDRESSES_IN_HTML[source])


@pytest.mark.parametrize(
    "source",
    [
        "{{ portal.url }}",
        "To {{ portal.url }}.",
        "({{ portal.url }}), <{{ portal.url }}>; and so on",
        "to \u201e{{ portal.url }}\u201c!",
        "{% if locale %}at {{ portal.url }}{% else %}{{ portal.url }} or{% endif %}\nnext",
        "{{ portal.url }}{% if locale %}.{% endif %}",
        "{{ portal.url }}{% if locale %}, {% else %} {% endif %}next",
        "either/or, the www itself, 24/7",
    ],
)
def test_an_address_may_stand_where_addresses_do(source: str) -> None:
    for part, text in (("body.txt", source), ("body.html", source.replace("<", "&lt;"))):
        shown = {"body.html": f"<td>{text}</td><p>{text}</p><b>{text}</b><br>{LINK}", "body.txt": text}[
            part
        ]
        looked = Part(template=Template.INVITATION, name=part)
        assert findings_of(f"{shown}\n{{{{ invitation.link }}}}", looked) == []


@pytest.mark.parametrize(
    "source",
    [
        "",
        "{{ portal.url }}",
        "{% if user.email %}{{ invitation.link }}{% endif %}",
        "{% if user.email %}x{% else %}{{ invitation.link }}{% endif %}",
        "{{ invitation.link|upper }}",
    ],
)
def test_control_t1_an_inviting_text_without_the_link_in_every_branch_is_refused(source: str) -> None:
    refused(source, "the invitation's link must be there in any case", "body.txt")


@pytest.mark.parametrize(
    "source",
    [
        "",
        "{{ invitation.link }}",
        '<p title="{{ invitation.link }}">',
        f"{{% if user.email %}}{LINK}{{% endif %}}",
        f"<title>{'{{ invitation.link }}'}</title>",
        '{% extends "mail/_base.html" %}',
        f'{{% extends "mail/_base.html" %}}{HREF}{{% block action %}}{{% endblock %}}',
        FRAMED.replace(LINK, f"{{% if 1 %}}{LINK}{{% endif %}}"),
    ],
)
def test_control_t1_an_inviting_page_whose_link_may_be_missing_is_refused(source: str) -> None:
    refused(source, "the invitation's link must be there in any case")


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("Hello {{ user.given_name }}", "a subject may not name user.given_name"),
        ("Hello {{ inviter.display_name }}", "a subject may not name inviter.display_name"),
        ("{% if user.email %}Hello{% endif %}", "a subject may not name user.email"),
        ("{{ invitation.link }}", "a subject may not name invitation.link"),
        ("Hello\nBcc: eve", "a subject is one line"),
        ("Hello{% if tenant.name %}\n{% endif %}x", "a subject is one line"),
        (" \n", "a subject must say something"),
        ("{% if tenant.name %}{% endif %}", "a subject must say something"),
        ("{{ portal.url }}.evil", "would become part of the address"),
        ('{% extends "mail/_base.html" %}', "only body.html has a frame"),
        ("{% block x %}{% endblock %}", "a block stands at the outermost level"),
    ],
)
def test_control_t1_a_subject_names_no_person_and_is_one_line(source: str, expected: str) -> None:
    refused(source, expected, "subject.txt")
