"""The web door: the WSGI application of the configuration that ``USHER_CONFIG`` names."""

import os
import threading
import time
from pathlib import Path

from flask import Flask

from connector.bootstrap import look_after_database, make_app, make_core
from connector.foundation.config import load
from connector.foundation.observe import configure_logging

CONFIG_VARIABLE = "USHER_CONFIG"
PARENT_VARIABLE = "USHER_PARENT"
"""The process that must not be outlived: a web process whose `usher serve` was killed would go on answering
beside the next one. A process without one stands alone, and looks after its database itself.
"""
_LOOK = 0.5
"""Seconds between two looks after the parent."""


def create_app() -> Flask:
    """The application; a WSGI server calls this once per process.

    :raises KeyError: ``USHER_CONFIG`` is not set.
    """
    configure_logging()
    core = make_core(load(Path(os.environ[CONFIG_VARIABLE])))
    if parent := os.environ.get(PARENT_VARIABLE):
        threading.Thread(target=_watch, args=(int(parent),), name="parent-watch", daemon=True).start()
    else:
        look_after_database(core)
    return make_app(core)


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_LOOK)
    os._exit(1)
