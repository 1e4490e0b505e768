"""A tenant's own templates: what they may say, which files they are, and whose mails they become."""

from dataclasses import replace
from email import message_from_bytes, policy
from pathlib import Path

import pytest

from connector.domain.effects import INVITING, Template
from connector.domain.errors import Misconfigured
from connector.domain.mapping import SignInKind
from connector.domain.model import Brand, Tenant, TenantId
from connector.foundation.config import ConfigError
from connector.mail.content import MailContents
from connector.mail.preview import DUMMY_LINK, preview, somebody
from connector.mail.render import MailRenderer
from connector.mail.template_rules import Part
from connector.mail.tenant_templates import findings_of, look_at, own_templates
from connector.mail.variables import VARIABLES, template_variables
from tests.support.builders import NOW, OTHER, FakeClock, a_tenant
from tests.support.templates import GOOD, write_templates

TENANT = replace(a_tenant(), brand=Brand(support="help@acme.example"))


def faults(folder: Path, tenant: Tenant = TENANT) -> list[str]:
    """Every fault as an operator reads it, without the folder before it."""
    return [str(fault).removeprefix(f"{folder}/") for fault in look_at(tenant, folder).faults]


def subject_of(renderer: MailRenderer, tenant: Tenant, language: str = "en") -> str:
    mail = preview(renderer, Template.INVITATION, tenant, language, now=NOW)
    return str(message_from_bytes(mail.message, policy=policy.default)["Subject"])


def renderer_of(own: dict[TenantId, dict[str, str]]) -> MailRenderer:
    return MailRenderer(clock=FakeClock(), default_sender="portal@example.com", own=own)


# --- what they may say -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "source",
    [
        "plain words, <b>strong</b> ones & others &amp; <br/>",
        "{# a comment with <script> and {{ anything }} #}",
        "{{- user.given_name -}} {{ user.email|upper }} {{ tenant.name|title|lower }}",
        "{{ user.given_name|default('you') }} {{ user.given_name|default('you', boolean=true) }}",
        "{{ invitation.expires_at }}, {{ invitation.expires_at|date }}",
        "{% if user.given_name and not (inviter.display_name or locale == 'de') %}<p>a</p>{% endif %}",
        "{% if locale == 'de' %}<b>a</b>{% elif locale != 'en' %}b{% else %}c{% endif %}",
        '<p style="color: {{ brand.ink }}; margin: 0" class="{{ locale }}" title="{{ user.email }}">',
        '<td bgcolor="{{ brand.tint }}" width="{{ brand.logo_width }}">',
        '{% if brand.logo %}<img src="{{ brand.logo }}" alt="{{ tenant.name }}">{% endif %}',
        '<a href="{{ portal.url }}">{{ portal.url }}</a>',
        '<a href="mailto:{{ brand.support }}">{{ brand.support }}</a>',
        "<style>p { color: {{ brand.ink }}; width: calc(1px) } @media (max-width: 9px) { }</style>",
        '<!doctype html><html lang="{{ locale }}"><head><title>{{ tenant.name }}</title></head>',
        '<meta charset="utf-8"><meta name="viewport" content="width=device-width">',
        "äöü Ж 漢字 🎉 } %} }} #} {x} { % a { b",
        "{{ 'a quoted text' }} {{ 7 }}",
    ],
)
def test_what_a_mail_needs_is_allowed(source: str, tmp_path: Path) -> None:
    link = '<a href="{{ invitation.link }}">Go</a>'
    assert findings_of(f"{source} {link}", Part(template=Template.INVITATION, name="body.html")) == []
    write_templates(tmp_path, body_html=f"{source} {link}")
    assert faults(tmp_path) == []


@pytest.mark.parametrize("template", Template)
@pytest.mark.parametrize("variable", sorted(VARIABLES))
def test_control_t1_what_passes_never_lacks_a_value(template: Template, variable: str) -> None:
    """A variable that a mail has not is a fault of the template, not of the night it is sent in."""
    link = "{{ invitation.link }}" if template in INVITING else ""
    shown = f"{{{{ {variable} }}}}"
    if findings_of(f"{shown} {link}", Part(template=template, name="body.txt")):
        assert variable in {"invitation.link", "invitation.expires_at"}
        return
    parts = {"subject.txt": "x", "body.txt": f"{shown} {link}", "body.html": f"{shown} {link}"}
    contents = MailContents(
        own={TENANT.id: {f"{template}/en/{name}": text for name, text in parts.items()}}
    )
    contents.content(
        template, TENANT, somebody(TENANT, "en", NOW), link=DUMMY_LINK if link else None, logo=None
    )


def test_every_variable_of_mails_is_known_and_no_other() -> None:
    person = somebody(TENANT, "en", NOW)
    given = template_variables(
        TENANT, person, language="en", link="x", expires_at=None, credential="other", logo=None
    )
    names = {
        f"{owner}.{name}" for owner, values in given.items() if isinstance(values, dict) for name in values
    }
    assert names | {"locale", "invitation.expires_at"} == VARIABLES


def test_a_fault_names_file_and_line(tmp_path: Path) -> None:
    write_templates(tmp_path, body_txt="\nx\n{{ user.emial }}\n{{ invitation.link }}")
    expected = "invitation/en/body.txt:3: there is no variable user.emial; did you mean 'user.email'?"
    assert faults(tmp_path) == [expected]


def test_a_fault_in_html_names_its_line_however_far_from_a_tag(tmp_path: Path) -> None:
    html = GOOD["body.html"] + "{% block details %}\n\n{% if user.email %}\n<b>x</b>\n<script>\n{% endif %}"
    write_templates(tmp_path, body_html=f"{html}{{% endblock %}}")
    line = html[: html.index("<script>")].count("\n") + 1
    assert faults(tmp_path) == [f"invitation/en/body.html:{line}: <script> is not for mails: take it out"]


def test_every_fault_of_every_file_is_told(tmp_path: Path) -> None:
    write_templates(tmp_path, subject_txt="{{ a }}\n{{ b }}", body_txt="", body_html="<form>")
    assert [fault.partition(": ")[0] for fault in faults(tmp_path)] == [
        "invitation/en/body.html:1",
        "invitation/en/body.html:1",
        "invitation/en/body.txt:1",
        "invitation/en/subject.txt:1",
        "invitation/en/subject.txt:2",
    ]


def test_control_t1_a_mail_that_becomes_too_large_is_refused(tmp_path: Path) -> None:
    large = replace(TENANT, brand=replace(TENANT.brand, footer="x" * 4000))
    write_templates(tmp_path, body_txt="{{ brand.footer }} " * 100 + "{{ invitation.link }}")
    (fault,) = faults(tmp_path, large)
    assert "becomes larger than 256 KB" in fault


@pytest.mark.parametrize("template", Template)
def test_a_template_of_each_mail_may_be_a_tenants(template: Template, tmp_path: Path) -> None:
    link = "invitation.link" if template in INVITING else "portal.url"
    parts = {"body_txt": f"{{{{ {link} }}}}", "body_html": f'<a href="{{{{ {link} }}}}">x</a>'}
    write_templates(tmp_path, template=template, **parts)
    assert faults(tmp_path) == []


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ('<img src="{{ brand.logo }}">', "put {% if brand.logo %} around the image"),
        ('<a href="mailto:{{ brand.support }}">x</a>', "put {% if brand.support %} around the link"),
    ],
)
def test_what_the_tenant_has_not_set_cannot_be_shown(html: str, expected: str, tmp_path: Path) -> None:
    write_templates(tmp_path, body_html=html + '<a href="{{ invitation.link }}">x</a>')
    (fault,) = faults(tmp_path, replace(TENANT, brand=Brand()))
    assert expected in fault


ASKS = "{% if invitation.credential == 'passkey' %}{{ brand.footer }}{% endif %}"


@pytest.mark.parametrize("kind", SignInKind)
def test_samples_are_made_for_every_way_to_sign_in(kind: SignInKind, tmp_path: Path) -> None:
    large = replace(TENANT, brand=replace(TENANT.brand, footer="x" * 8000))
    body = ASKS.replace("passkey", kind) * 40
    write_templates(tmp_path, body_txt=f"{body} {{{{ invitation.link }}}}")
    (fault,) = faults(tmp_path, large)
    assert "becomes larger than 256 KB" in fault


def test_a_subject_that_is_empty_once_it_is_made_is_a_fault(tmp_path: Path) -> None:
    write_templates(tmp_path, subject_txt="{% if brand.footer %}Come to us{% endif %}")
    (fault,) = faults(tmp_path)
    assert fault.endswith("invitation/en/subject.txt: it is empty for this reader")
    own = {TENANT.id: {f"invitation/en/{name}": text for name, text in GOOD.items()}}
    own[TENANT.id]["invitation/en/subject.txt"] = "{{ brand.footer }}"
    with pytest.raises(Misconfigured, match="it is empty"):
        subject_of(renderer_of(own), TENANT)


def test_space_around_what_a_block_holds_is_nothing(tmp_path: Path) -> None:
    spaced = GOOD["body.html"].replace("{{ invitation.link }}", "\n{{ invitation.link }}\n")
    own = f"{spaced}{{% block dir %}}\nrtl\n{{% endblock %}}"
    folder = write_templates(tmp_path, body_html=own)
    assert faults(folder) == []
    contents = MailContents(own={TENANT.id: own_templates(TENANT, folder)})
    person = somebody(TENANT, "en", NOW)
    html = contents.content(Template.INVITATION, TENANT, person, link=DUMMY_LINK, logo=None).html
    assert f'href="{DUMMY_LINK}"' in html
    assert html.count('dir="rtl"') == 2
    whole = '<p><a href=" {{ invitation.link }} ">x</a></p>'
    assert faults(write_templates(tmp_path, body_html=whole)) == []


def test_whatever_a_sample_raises_is_the_templates_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise TypeError("got an unexpected keyword")

    monkeypatch.setattr(MailContents, "content", fails)
    (fault,) = faults(write_templates(tmp_path))
    assert fault == "invitation/en: cannot be made: TypeError: got an unexpected keyword"


def test_control_t1_a_mail_that_becomes_too_large_by_its_style_sheet_is_refused(tmp_path: Path) -> None:
    style = "".join(f"a{number}:1;" for number in range(120))
    html = f'<style>p {{ {style} }}</style><a href="{{{{ invitation.link }}}}">x</a>{"<p>x</p>" * 900}'
    (fault,) = faults(write_templates(tmp_path, body_html=html))
    assert fault.endswith("invitation/en/body.html becomes larger than 256 KB")


@pytest.mark.parametrize("style", ["", f"<style>{'.a { color: #123456; margin: 0 }' * 30}</style>"])
def test_a_newsletter_is_not_too_much(style: str, tmp_path: Path) -> None:
    row = '<tr><td class="a"><p style="margin: 0">Some <b>words</b><br><span>more</span></p></td></tr>'
    link = '<a href="{{ invitation.link }}"><b>Go</b> <img src="{{ brand.logo }}"></a>'
    html = f"{style}{{% if brand.logo %}}{link}{{% endif %}}<table>{row * 40}</table>"
    link = '<a href="{{ invitation.link }}">{% if locale %}<b>Go</b>{% else %}<i>Go</i>{% endif %}</a>'
    assert faults(write_templates(tmp_path, body_html=html + link)) == []


# --- which files they are ----------------------------------------------------------------------------


def test_a_folder_that_is_not_there_is_a_fault(tmp_path: Path) -> None:
    (fault,) = look_at(TENANT, tmp_path / "none").faults
    assert "there is no such folder of templates" in str(fault)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("README.md", "is no folder of a mail; there are invitation, "),
        ("invitaton/en/body.txt", "invitaton: is no folder of a mail; did you mean 'invitation'?"),
        ("_base.html", "is no folder of a mail"),
        ("invitation/body.txt", "invitation/body.txt: is no folder of a language"),
        ("invitation/_en/body.txt", "invitation/_en: is no folder of a language"),
        ("invitation/de.utf8/body.txt", "is no folder of a language"),
        ("invitation/de@euro/body.txt", "is no folder of a language"),
        ("invitation/EN/body.txt", "is the same language as"),
        ("invitation/en/body.htm", "is no file of a mail: there are subject.txt, body.txt, body.html"),
        ("invitation/en/logo.png", "is no file of a mail"),
        ("invitation/en/.body.txt.swp", "is no file of a mail"),
        ("invitation/en/more/body.txt", "is no file of a mail"),
        ("reminder/en/body.txt", "reminder/en: lacks subject.txt: a language is"),
    ],
)
def test_a_file_that_is_none_of_a_mail_is_a_fault(path: str, expected: str, tmp_path: Path) -> None:
    write_templates(tmp_path)
    (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / path).write_text("{{ invitation.link }}")
    assert any(expected in fault for fault in faults(tmp_path)), faults(tmp_path)


@pytest.mark.parametrize("what", ["invitation/en/body.txt", "invitation/en", "invitation"])
def test_control_t1_a_link_out_of_the_folder_is_not_followed(what: str, tmp_path: Path) -> None:
    inside, outside = write_templates(tmp_path / "inside"), write_templates(tmp_path / "outside")
    target = inside / what
    target.rename(tmp_path / "away")
    target.symlink_to(outside / what)
    assert any(f"{what}: is a link out of the folder" in fault for fault in faults(inside))


def test_control_t1_a_link_that_leads_to_itself_is_not_followed(tmp_path: Path) -> None:
    loop = write_templates(tmp_path) / "reminder"
    loop.symlink_to(loop)
    (fault,) = faults(tmp_path)
    assert fault.startswith("reminder: is a link out of the folder")


def test_a_link_within_the_folder_is_a_file_as_any(tmp_path: Path) -> None:
    write_templates(tmp_path)
    (tmp_path / "reminder").symlink_to(tmp_path / "invitation")
    assert faults(tmp_path) == []
    assert "reminder/en/body.txt" in own_templates(TENANT, tmp_path)


# --- whose mails they become -------------------------------------------------------------------------


def test_control_t2_two_tenants_with_the_same_template_never_see_each_others() -> None:
    mine, theirs = TENANT, replace(TENANT, id=OTHER)
    own = {
        tenant.id: {f"invitation/en/{name}": text for name, text in (GOOD | {"subject.txt": word}).items()}
        for tenant, word in ((mine, "mine"), (theirs, "theirs"))
    }
    renderer = renderer_of(own)
    for _ in range(2):
        assert subject_of(renderer, mine) == "mine"
        assert subject_of(renderer, theirs) == "theirs"
    nobodys = replace(TENANT, id=TenantId("third"))
    assert "Your invitation" in subject_of(renderer, nobodys)


def test_what_a_tenant_has_not_comes_from_the_shipped_ones(tmp_path: Path) -> None:
    renderer = renderer_of({TENANT.id: own_templates(TENANT, write_templates(tmp_path))})
    assert subject_of(renderer, TENANT) == "Come to Acme GmbH"
    assert subject_of(renderer, TENANT, "en-GB") == "Come to Acme GmbH"
    assert subject_of(renderer, TENANT, "de-AT") == "Ihre Einladung zum Portal von Acme GmbH"
    reminder = preview(renderer, Template.REMINDER, TENANT, "en", now=NOW)
    assert b"is still open" in reminder.message


def test_a_tenants_language_may_be_one_that_is_not_shipped(tmp_path: Path) -> None:
    folder = write_templates(tmp_path, language="fr-CA", subject_txt="Venez")
    renderer = renderer_of({TENANT.id: own_templates(TENANT, folder)})
    assert subject_of(renderer, TENANT, "fr-CA") == "Venez"
    assert subject_of(renderer, TENANT, "fr") == "Your invitation to the portal of Acme GmbH"


def test_control_t1_nothing_stands_in_for_a_template_with_a_fault(tmp_path: Path) -> None:
    write_templates(tmp_path, template="reminder", language="de", subject_txt="{{ user.email }}")
    with pytest.raises(ConfigError, match=r"a subject may not name user\.email"):
        own_templates(TENANT, write_templates(tmp_path))
