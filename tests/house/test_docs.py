"""The documents say what is there: every name in them exists, and what exists is in them."""

import re
from pathlib import Path

import pytest
import typer.core
import typer.main

from connector.cli.main import app
from connector.domain.errors import (
    Conflict,
    DeliveryUnknown,
    Exists,
    Forbidden,
    Gone,
    Linked,
    MailRefused,
    Misconfigured,
    Rejected,
    Unavailable,
)
from connector.domain.model import HoldKind, State
from connector.foundation import metrics
from connector.foundation.config import load
from connector.mail.template_html import BLOCKS
from connector.mail.template_limits import LONGEST_TAG, MOST_IN_TAGS, MOST_LINES, MOST_TAGS
from connector.mail.template_rules import FILTERS
from connector.mail.variables import VARIABLES
from tests.house.diagram import diagram
from tests.unit.test_figures import Answers, figures_of

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
DOCS = sorted((ROOT / "docs").rglob("*.md"))
PLACES = re.compile(
    r"`((?:connector|scim_server|mappings|templates|tests|docs)/[\w./-]*|[\w-]+\.(?:toml|yaml|md|txt))`"
)
NOT_OURS = {"portal-user.yaml"}


def verbs() -> set[str]:
    """Every verb of the command line, groups' as `group verb`."""
    found = set()
    for name, command in typer.main.get_command(app).commands.items():  # type: ignore[attr-defined]
        group = getattr(command, "commands", None)
        found |= {f"{name} {verb}" for verb in group} if group else {name}
    return found


@pytest.mark.parametrize("document", [ROOT / "README.md", *DOCS], ids=lambda path: path.name)
def test_every_place_a_document_names_exists(document: Path) -> None:
    named = set(PLACES.findall(document.read_text())) - NOT_OURS
    assert [place for place in named if not (ROOT / place).exists()] == []


@pytest.mark.parametrize("document", [ROOT / "README.md", *DOCS], ids=lambda path: path.name)
def test_every_link_between_documents_leads_somewhere(document: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)\)", document.read_text())
    here = [link for link in links if "://" not in link]
    assert [link for link in here if not (document.parent / link).exists()] == []


def test_the_diagram_in_readme_is_drawn_from_the_table() -> None:
    assert f"```mermaid\n{diagram()}\n```" in README


def test_every_verb_is_in_readme_and_every_verb_in_readme_exists() -> None:
    table = README[README.index("| verb | does |") : README.index("Verbs exit 0")]
    named = {
        re.sub(r" [A-Z]+$", "", verb) for verb in re.findall(r"`([^`]+)`", table.replace("`plan`", ""))
    }
    assert named == verbs()


def test_every_command_that_a_document_shows_exists() -> None:
    known = verbs() | {verb.split()[0] for verb in verbs()}
    for document in [ROOT / "README.md", *DOCS]:
        for shown in re.findall(r"`usher ([a-z][a-z -]*)", document.read_text()):
            words = shown.strip().split()
            assert " ".join(words[:2]) in known or words[0] in known, f"{document.name}: usher {shown}"


def test_every_state_and_hold_is_explained() -> None:
    text = (ROOT / "docs" / "lifecycle.md").read_text()
    for name in [*(set(State) - {State.ABSENT}), *HoldKind]:
        assert f"`{name}`" in text


def test_every_reason_that_a_row_can_wait_for_is_explained() -> None:
    text = (ROOT / "docs" / "operating.md").read_text()
    errors = (
        *(Unavailable, Misconfigured, Rejected, MailRefused, Forbidden, Gone, Exists),
        *(DeliveryUnknown, Linked, Conflict),
    )
    for reason in [*(error.reason for error in errors), "gave_up", "refused"]:
        assert re.search(rf"^\| .*`{reason}`.* \| ", text, re.M), reason


def test_operation_x2_every_figure_is_explained() -> None:
    text = (ROOT / "docs" / "operating.md").read_text()
    figures = set(
        re.findall(r"^# TYPE (\S+(?<!_created)) ", metrics.exposition(figures_of(Answers())).decode(), re.M)
    )
    assert len(figures) > 10
    assert [name for name in figures if f"`{name}{{" not in text] == []


def test_every_variable_filter_and_block_of_a_tenants_template_is_explained() -> None:
    text = (ROOT / "docs" / "mail.md").read_text()
    own = text[text.index("## A tenant's own templates") : text.index("## The record")]
    told = set(re.findall(r"`([a-z_.]+)", own))
    assert VARIABLES | set(FILTERS) | BLOCKS <= told
    assert f"{MOST_LINES} lines, {MOST_TAGS} tags of {LONGEST_TAG} characters, {MOST_IN_TAGS} " in own


def test_the_example_configuration_is_without_fault() -> None:
    settings = load(ROOT / "config.example.yaml")
    assert set(settings.tenants)
