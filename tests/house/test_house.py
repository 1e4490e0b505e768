"""The house's own rules, beside those that the linters hold."""

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MODULES = sorted(
    path
    for package in ("connector", "scim_server")
    for path in (ROOT / package).rglob("*.py")
    if path.read_text().strip()
)
DOMAIN = sorted((ROOT / "connector" / "domain").glob("*.py"))
GUARDED = [
    *sorted((ROOT / "connector" / "invite").glob("*.py")),
    ROOT / "connector" / "foundation" / "links.py",
    ROOT / "connector" / "foundation" / "oidc.py",
    ROOT / "scim_server" / "auth.py",
]
FORBIDDEN_WORDS = ("TODO", "FIXME", "XXX")


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def last_name(side: ast.expr) -> str:
    """What an operand is called: ``cookie`` of both ``cookie`` and ``handover.cookie``."""
    return side.attr if isinstance(side, ast.Attribute) else getattr(side, "id", "")


def imported(path: Path) -> set[str]:
    """The top-level names that a module imports."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add((node.module or "").partition(".")[0])
    return names


@pytest.mark.parametrize("module", MODULES, ids=named)
def test_every_module_opens_by_saying_what_it_owns(module: Path) -> None:
    docstring = ast.get_docstring(ast.parse(module.read_text()))
    assert docstring, "a module without a first sentence"
    assert "." in docstring


@pytest.mark.parametrize("module", DOMAIN, ids=named)
def test_the_domain_imports_the_standard_library_alone(module: Path) -> None:
    assert imported(module) <= set(sys.stdlib_module_names) | {"connector"}


@pytest.mark.parametrize("module", MODULES, ids=named)
def test_no_module_is_left_half_done(module: Path) -> None:
    text = module.read_text()
    assert not [word for word in FORBIDDEN_WORDS if word in text]


def test_code_does_not_live_in_init_files() -> None:
    inits = [path for path in (ROOT / "connector").rglob("__init__.py") if path.read_text().strip()]
    assert inits == []


def test_control_i11_secrets_are_never_compared_by_equality() -> None:
    """A name that holds a secret next to ``==`` is the mistake; ``compare_digest`` takes time alike."""
    secret = {"secret", "digest", "mac", "token", "state", "verifier", "cookie", "browser"}
    guilty = []
    for module in GUARDED:
        for node in ast.walk(ast.parse(module.read_text())):
            if not isinstance(node, ast.Compare) or not isinstance(node.ops[0], ast.Eq | ast.NotEq):
                continue
            sides = {last_name(side) for side in (node.left, *node.comparators)}
            if sides & secret:
                guilty.append(f"{named(module)}:{node.lineno}")
    assert guilty == []
