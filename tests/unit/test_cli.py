"""The command line on wrong input: a sentence and an exit code, never a traceback."""

from pathlib import Path

import pytest

from connector.domain import commands as c
from connector.domain.model import State, state_of
from connector.foundation.config_initial import write_initial
from connector.store.engine import make_engines
from connector.store.migrate import migrate
from connector.store.store import SqlStore
from tests.support.builders import ACME, ADA, NOW, SYSTEM, a_document, a_profile, a_service, command
from tests.support.cli import Usher, usher_at


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return write_initial(tmp_path, "acme")


@pytest.fixture
def usher(config: Path, monkeypatch: pytest.MonkeyPatch) -> Usher:
    return usher_at(config, monkeypatch)


def with_ada(folder: Path, display_name: str = "Ada", *, deleted: bool = False) -> None:
    engines = make_engines(f"sqlite:///{folder / 'usher.db'}")
    migrate(engines.write)
    service = a_service(SqlStore(engines))
    profile = a_profile(display_name=display_name)
    service.handle(command(c.Create, actor=SYSTEM, profile=profile, document=a_document(profile)))
    if deleted:
        service.handle(command(c.Delete, actor=SYSTEM))
    engines.dispose()


def test_a_name_is_shown_as_it_is_whatever_brackets_are_in_it(
    usher: Usher, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with_ada(tmp_path, "[/bold] [red]Ada")
    assert usher("user", "list", "acme") == 0
    assert "[/bold] [red]Ada" in capsys.readouterr().out


def test_a_life_that_is_no_duration_is_wrong_use(usher: Usher, capsys: pytest.CaptureFixture[str]) -> None:
    assert usher("token", "create", "acme", "--name", "entra", "--life", "soon") == 2
    assert "must be a duration like" in capsys.readouterr().err


@pytest.mark.parametrize("row", ["0", "99999999999999999999"])
def test_a_row_that_cannot_be_is_wrong_use(usher: Usher, row: str) -> None:
    assert usher("outbox", "show", row) == 2


@pytest.mark.parametrize("where", ["nowhere/usher.db", "config.yaml"])
def test_a_database_that_cannot_be_used_is_named(
    usher: Usher, config: Path, where: str, capsys: pytest.CaptureFixture[str]
) -> None:
    config.write_text(config.read_text().replace("sqlite:///usher.db", f"sqlite:///{where}"))
    assert usher("user", "list", "acme") == 1
    assert f"{where} cannot be used: " in capsys.readouterr().err


def test_a_deleted_user_is_restored_by_name(usher: Usher, tmp_path: Path) -> None:
    with_ada(tmp_path, deleted=True)
    assert usher("user", "restore", "acme", "ada@acme.example") == 0
    with SqlStore(make_engines(f"sqlite:///{tmp_path / 'usher.db'}")).read() as work:
        user = work.users.get(ACME, ADA)
    assert state_of(user, NOW) is State.DRAFT
