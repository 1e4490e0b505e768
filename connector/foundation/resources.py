"""Where the shipped data lives: the mappings and the templates. It owns these two paths; it must not know
what is in the files.
"""

from importlib.resources import files
from pathlib import Path


def mappings_dir() -> Path:
    """The folder of ``portal-user.yaml``, ``required-actions.yaml`` and ``presets/``."""
    return Path(str(files("connector.mappings")))


def templates_dir() -> Path:
    """The folder of ``mail/`` and ``pages/``."""
    return Path(str(files("connector.templates")))
