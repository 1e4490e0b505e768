"""What several unit tests look at: the log of the test's own time."""

import io
import logging
from collections.abc import Iterator

import pytest

from connector.foundation.observe import configure_logging
from tests.support.logs import log_plainly


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    """The log as JSON lines; afterwards logging is as it was before."""
    root = logging.getLogger()
    before = root.handlers[:], root.level
    target = io.StringIO()
    configure_logging(target, human=False)
    yield target
    logging.captureWarnings(False)
    root.handlers[:], root.level = before
    log_plainly()
