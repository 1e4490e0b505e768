"""F3: whatever dies at whatever moment, what was answered is there and reaches Keycloak and the mailbox."""

import time

from tests.faults.conftest import Install
from tests.faults.invariants import check
from tests.faults.journal import Fate
from tests.faults.processes import killing
from tests.faults.realm import Visitors
from tests.faults.seeds import scaled
from tests.faults.watcher import Watcher
from tests.faults.workers import deliver, killed_workers


def test_fault_f3_killed_again_and_again_the_newest_state_is_delivered(
    install_any: Install, seed: int
) -> None:
    with install_any() as installation:
        workers = installation.most_workers
        killers = killed_workers(installation, workers, seed)
        lives = scaled(5, 100)
        with (
            Watcher(installation.database) as watcher,
            Visitors(installation.realm, installation.prefix) as visitors,
        ):
            with killing(*killers):
                feeder = installation.start_feeder(seed, lives=lives)
                assert feeder.wait(30.0 * lives) == 0, feeder.tail()
            deliver(installation, workers)
        found = check(installation, now=time.time(), watched=watcher.seen)
        kills = lives + sum(killer.kills for killer in killers)
        answered = found.journal.of_fate(Fate.ANSWERED)
        print(f"{kills} kills, {len(answered)} answered, {visitors.signed_in} signed in")
        assert len(answered) > lives
        assert watcher.looks > 0
