"""A real browser without a window. It owns finding and starting Chromium; it clicks nothing."""

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from connector.demo.errors import DemoError

if TYPE_CHECKING:
    from playwright.sync_api import Browser

PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
QUIET = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
INSTALL = "Install Chromium (apt install chromium), or run: python -m playwright install chromium"


@contextmanager
def running_browser(env: Mapping[str, str]) -> "Iterator[Browser]":
    """A headless Chromium: the one on the path, else the one that playwright has downloaded.

    :raises DemoError: there is none.
    """
    try:
        from playwright.sync_api import Error, sync_playwright
    except ImportError as error:
        raise DemoError(
            "The package playwright is not installed.", "Run: pip install 'portal-usher[demo]'"
        ) from error
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(executable_path=find_chromium(env), args=_arguments())
        except Error as error:
            first = error.message.strip().splitlines()[0]
            raise DemoError(f"There is no Chromium that starts: {first}", INSTALL) from error
        try:
            yield browser
        finally:
            browser.close()


def find_chromium(env: Mapping[str, str]) -> str | None:
    """The program on the path; None lets playwright take its own."""
    found = (shutil.which(name, path=env.get("PATH")) for name in PROGRAMS)
    return next((program for program in found if program), None)


def _arguments() -> list[str]:
    """Chromium's own sandbox refuses to run as root."""
    return [*QUIET, "--no-sandbox"] if os.geteuid() == 0 else list(QUIET)
