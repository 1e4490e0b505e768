"""What is counted, under which names, and that nobody outside can make names."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from connector.foundation import metrics
from connector.foundation.figures_folder import figures_folder
from tests.support.figures import counted, series, value

CHILD = "from connector.foundation import metrics; metrics.mail('invitation', 'sent')"
PARENT = f"""
import subprocess, sys
from pathlib import Path
from connector.foundation import metrics
with metrics.shared_figures():
    folder = Path(__import__("os").environ[metrics.SHARED])
    metrics.mail("invitation", "sent")
    subprocess.run([sys.executable, "-c", {CHILD!r}], check=True)
    print(metrics.exposition().decode())
print("left behind:", folder.exists())
"""


def test_operation_x2_each_effect_counts_by_its_outcome_and_its_time() -> None:
    labels = {"effect": "sync_account", "outcome": "Done"}
    with (
        counted("usher_effects_total", **labels) as tries,
        counted("usher_effect_seconds_sum", effect="sync_account") as seconds,
    ):
        metrics.effect("sync_account", "Done", 0.25)
        metrics.effect("sync_account", "Unavailable", 0.25)
    assert (tries, seconds) == ([1.0], [0.5])


def test_operation_x2_mails_hand_overs_and_tolerances_count() -> None:
    with (
        counted("usher_mails_total", template="invitation", outcome="sent") as mails,
        counted("usher_handovers_total", outcome="begun") as handovers,
        counted("usher_scim_tolerance_total", switch="text_boolean") as tolerances,
    ):
        metrics.mail("invitation", "sent")
        metrics.handover("begun")
        metrics.tolerance("text_boolean")
    assert mails == handovers == tolerances == [1.0]


def test_operation_x3_a_method_that_nobody_knows_and_no_route_have_one_name_each() -> None:
    labels = {"route": "none", "method": "other", "status": "405"}
    with counted("usher_http_requests_total", **labels) as requests:
        metrics.request("", "BREW", 405, 0.1)
        metrics.request("", "get", 405, 0.1)
    assert requests == [2.0]


def test_operation_x2_processes_of_one_command_count_together_and_leave_nothing_behind() -> None:
    environment = {name: text for name, text in os.environ.items() if name != metrics.SHARED}
    command = [sys.executable, "-c", PARENT]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    shown, _, rest = done.stdout.partition("left behind:")
    assert value(series(shown.encode()), "usher_mails_total", template="invitation", outcome="sent") == 2
    assert rest.strip() == "False"


def test_a_folder_of_a_killed_process_is_removed_by_the_next_and_a_living_ones_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    dead, begun = tmp_path / "usher-figures-dead", tmp_path / "usher-figures-begun"
    dead.mkdir()
    begun.mkdir()
    (dead / "counter_1.db").write_bytes(b"")
    with figures_folder() as living:
        for folder in (dead, living):
            os.utime(folder, (0, 0))
        with figures_folder() as another:
            assert set(tmp_path.iterdir()) == {begun, living, another}
    assert set(tmp_path.iterdir()) == {begun}
