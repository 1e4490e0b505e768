"""The table of stories tells of journeys that there are."""

import re
from pathlib import Path

from tests.journey.stories import STORIES

TEST = re.compile(r"^def test_(\w+)", re.MULTILINE)


def test_every_story_is_some_journeys() -> None:
    files = Path(__file__).parent.glob("test_*.py")
    journeys = {name for file in files for name in TEST.findall(file.read_text(encoding="utf-8"))}
    assert STORIES.keys() - journeys == set()
