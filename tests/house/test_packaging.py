"""The wheel is whole: installed into an empty environment it has its data and nothing of ours besides."""

import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

LOAD_EVERYTHING = """
import sys
sys.path.append({site!r})
from connector.foundation.resources import mappings_dir, templates_dir
from connector.foundation.mapping_files import load_account_mapping
from connector.foundation.config_presets import shipped_presets
from connector.mail.templates import MailTemplates
from jinja2 import Environment, FileSystemLoader
import connector
assert {root!r} not in connector.__file__, connector.__file__
load_account_mapping(None)
assert shipped_presets()
environment = Environment(loader=FileSystemLoader(templates_dir()), autoescape=True)
names = [name for name in environment.list_templates() if name.endswith((".html", ".txt"))]
assert len(names) > 20, names
print(len(names))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    source = folder / "source"
    tracked = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split("\n")
    for name in filter(None, tracked):
        if (ROOT / name).is_file():
            target = source / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes((ROOT / name).read_bytes())
    subprocess.run([*command, "--wheel-dir", str(folder), str(source)], check=True, cwd=folder)
    (built,) = folder.glob("*.whl")
    return built


def test_the_wheel_has_exactly_our_two_packages(wheel: Path) -> None:
    names = {name.partition("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    assert {name for name in names if not name.endswith(".dist-info")} == {"connector", "scim_server"}


def test_every_module_and_data_file_is_in_the_wheel(wheel: Path) -> None:
    packed = set(zipfile.ZipFile(wheel).namelist())
    wanted = {
        str(path.relative_to(ROOT))
        if base in ("connector", "scim_server")
        else f"connector/{path.relative_to(ROOT)}"
        for base in ("connector", "scim_server", "mappings", "templates")
        for path in (ROOT / base).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert wanted - packed == set()


def test_installed_elsewhere_it_loads_every_mapping_and_template(wheel: Path, tmp_path: Path) -> None:
    target = tmp_path / "installed"
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(target)]
    subprocess.run([*install, str(wheel)], check=True)
    script = LOAD_EVERYTHING.format(site=sysconfig.get_paths()["purelib"], root=str(ROOT))
    environment = {"PYTHONPATH": str(target), "PATH": ""}
    done = subprocess.run(
        [sys.executable, "-S", "-c", script],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
