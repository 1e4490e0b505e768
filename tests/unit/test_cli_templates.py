"""``usher template …``: a tenant's mails on the terminal, in a folder, in a mailbox."""

from email import message_from_bytes, policy
from pathlib import Path

import pytest
from PIL import Image

from connector.domain.effects import Template
from connector.mail.preview import DUMMY_LINK
from tests.support.cli import Usher, usher_at
from tests.support.configs import SMALL, write_config
from tests.support.templates import write_templates


@pytest.fixture
def usher(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Usher:
    """An installation whose tenant has an English invitation of its own, and a logo."""
    write_templates(tmp_path / "mails" / "acme")
    Image.new("RGB", (40, 20), "#003366").save(tmp_path / "logo.png")
    own = (
        "    templates: mails/acme\n    brand: {logo: logo.png}\n    sender: {address: acme@example.com}\n"
    )
    return usher_at(write_config(tmp_path, SMALL + own), monkeypatch)


def test_a_preview_is_printed_with_a_link_that_leads_nowhere(
    usher: Usher, capsys: pytest.CaptureFixture[str]
) -> None:
    assert usher("template", "preview", "acme", "invitation") == 0
    shown = capsys.readouterr().out
    assert shown.startswith("--- subject.txt\nCome to Acme GmbH\n")
    assert f"Hello Anna,\n\n{DUMMY_LINK}\n" in shown
    assert f'href="{DUMMY_LINK}"' in shown


def test_a_preview_in_a_folder_can_be_opened_with_its_logo(usher: Usher, tmp_path: Path) -> None:
    out = tmp_path / "new" / "folder"
    assert usher("template", "preview", "acme", "invitation", "--out", str(out)) == 0
    assert {path.name for path in out.iterdir()} == {"subject.txt", "body.txt", "body.html", "logo.png"}
    assert (out / "subject.txt").read_text() == "Come to Acme GmbH\n"
    assert 'src="logo.png"' in (out / "body.html").read_text()
    assert (out / "logo.png").read_bytes().startswith(b"\x89PNG")


def test_a_preview_in_a_language_that_the_tenant_has_not_is_the_shipped_one(
    usher: Usher, capsys: pytest.CaptureFixture[str]
) -> None:
    assert usher("template", "preview", "acme", "invitation", "--locale", "de-AT") == 0
    assert "Ihre Einladung zum Portal von Acme GmbH" in capsys.readouterr().out


@pytest.mark.parametrize("template", Template)
def test_every_mail_can_be_looked_at(
    usher: Usher, template: Template, capsys: pytest.CaptureFixture[str]
) -> None:
    assert usher("template", "preview", "acme", template) == 0
    assert "Acme GmbH" in capsys.readouterr().out


def test_a_test_mail_comes_from_the_tenant_and_is_marked_and_no_database_is_made(
    usher: Usher, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(2):
        assert usher("template", "send-test", "acme", "invitation", "--to", "olga@example.com") == 0
    assert "Sent to olga@example.com: saved as " in capsys.readouterr().out
    one, other = (
        message_from_bytes(path.read_bytes(), policy=policy.default)
        for path in (tmp_path / "mails").glob("*.eml")
    )
    assert one["Subject"] == "[Test] Come to Acme GmbH"
    assert one["From"].addresses[0].addr_spec == "acme@example.com"
    assert one["To"] == "olga@example.com"
    body = one.get_body(("plain",))
    assert body is not None
    assert DUMMY_LINK in body.get_content()
    assert one["Message-ID"] != other["Message-ID"]
    assert not (tmp_path / "usher.db").exists()


@pytest.mark.parametrize(
    ("verb", "code", "told"),
    [
        (("preview", "globex", "invitation"), 2, "There is no tenant 'globex'"),
        (("preview", "acme", "invitaton"), 2, "invitaton"),
        (("preview", "acme", "invitation", "--locale", "zz-top"), 2, "must be a language tag"),
        (("preview", "acme", "invitation", "--out", "/dev/null/x"), 2, "cannot be written"),
        (("send-test", "acme", "invitation", "--to", "nobody"), 1, "is not an e-mail address"),
        (("send-test", "acme", "invitation"), 2, "--to"),
    ],
)
def test_what_cannot_be_shown_is_said(
    usher: Usher, capsys: pytest.CaptureFixture[str], verb: tuple[str, ...], code: int, told: str
) -> None:
    assert usher("template", *verb) == code
    assert told in capsys.readouterr().err


def test_control_t1_a_faulty_template_is_not_shown_but_its_fault(
    usher: Usher, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_templates(tmp_path / "mails" / "acme", subject_txt="{{ user.email }}")
    assert usher("template", "preview", "acme", "welcome") == 2
    assert "invitation/en/subject.txt:1: a subject may not name user.email" in capsys.readouterr().err
