"""The web door, opened as a WSGI server of somebody's choice opens it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from connector.foundation.config_initial import write_initial

OPEN = """
import threading
from connector.wsgi import create_app
create_app()
print(sorted(thread.name for thread in threading.enumerate()))
"""


@pytest.mark.parametrize(("parent", "threads"), [("", "checkpoint"), (str(os.getpid()), "parent-watch")])
def test_a_web_process_that_stands_alone_keeps_the_databases_log_short(
    tmp_path: Path, parent: str, threads: str
) -> None:
    write_initial(tmp_path / "usher", "acme")
    config = str(tmp_path / "usher" / "config.yaml")
    env = {"USHER_CONFIG": config, "USHER_PARENT": parent, "PATH": os.environ["PATH"]}
    said = subprocess.check_output([sys.executable, "-c", OPEN], env=env, text=True, timeout=60)
    assert said == f"['MainThread', '{threads}']\n"
