"""The web door: the WSGI application of the configuration that ``USHER_CONFIG`` names."""

import os
from pathlib import Path

from flask import Flask

from connector.bootstrap import make_app, make_core
from connector.foundation.config import load
from connector.foundation.observe import configure_logging

CONFIG_VARIABLE = "USHER_CONFIG"


def create_app() -> Flask:
    """The application; a WSGI server calls this once per process.

    :raises KeyError: ``USHER_CONFIG`` is not set.
    """
    configure_logging()
    return make_app(make_core(load(Path(os.environ[CONFIG_VARIABLE]))))
