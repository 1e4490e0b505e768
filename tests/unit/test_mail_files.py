"""Mails as files: who may read them, what they are called, and a folder that cannot be used."""

from dataclasses import replace
from pathlib import Path

import pytest

from connector.domain.errors import Misconfigured
from connector.mail.files import FileMailer
from tests.contract.mailer import a_mail
from tests.support.builders import FakeClock


def test_control_i7_nobody_else_can_read_the_links(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "mails"
    FileMailer(folder, clock=FakeClock()).send(a_mail())
    (file,) = folder.iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
    assert folder.stat().st_mode & 0o777 == 0o700


def test_names_sort_by_time_and_hold_nothing_of_the_mail(tmp_path: Path) -> None:
    clock = FakeClock()
    mailer = FileMailer(tmp_path, clock=clock)
    answers = []
    for number in (9, 1, 5):
        answers.append(mailer.send(a_mail(message_id=f"<../{number}@example.com>")))
        clock.move(1)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert answers == [f"saved as {name}" for name in names]
    assert all(name.startswith("20270115T0800") and name.endswith(".eml") for name in names)
    assert not any("ada" in name or "example" in name or "/" in name for name in names)


def test_two_mails_of_one_moment_are_two_files(tmp_path: Path) -> None:
    mailer = FileMailer(tmp_path, clock=FakeClock())
    mailer.send(a_mail())
    mailer.send(a_mail(message_id="<2@example.com>"))
    assert len(list(tmp_path.iterdir())) == 2


def test_a_folder_that_cannot_be_used_is_a_wrong_setting_and_leaves_nothing(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    with pytest.raises(Misconfigured, match="folder for mails"):
        FileMailer(blocked, clock=FakeClock()).send(a_mail())
    with pytest.raises(Misconfigured, match="folder for mails"):
        FileMailer(blocked / "below", clock=FakeClock()).send(a_mail())
    assert list(tmp_path.iterdir()) == [blocked]


def test_a_sender_that_is_no_address_is_a_wrong_setting(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured):
        FileMailer(tmp_path, clock=FakeClock()).send(replace(a_mail(), sender="portal\r\n@example.com"))
    assert list(tmp_path.iterdir()) == []
