"""Writes small configurations for tests: a legal text, of which each test changes what it is about."""

from pathlib import Path

SMALL = """\
public_url: https://usher.example.com
database: sqlite:///usher.db
keys: keys/
keycloak:
  realms:
    main:
      url: https://sso.example.com
      realm: portal
      runtime: {client_id: usher-runtime, client_secret: file:secrets/runtime}
      setup: {client_id: usher-setup, client_secret: env:USHER_SETUP_SECRET}
      invite_client_secret: file:secrets/invite
      provider_client_secret: file:secrets/provider
mail:
  files: mails/
  from: portal@example.com
  allow_default_sender: true
tenants:
  acme:
    name: Acme GmbH
    realm: main
    portal_url: https://portal.example.com/acme
"""

TENANT = """\
name: Globex
realm: main
portal_url: https://portal.example.com/globex
"""


def write_config(folder: Path, text: str = SMALL) -> Path:
    """A configuration file with this text."""
    path = folder / "config.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def changed(old: str, new: str, text: str = SMALL) -> str:
    """``text`` with one line changed; ``old`` must be in it exactly once."""
    assert text.count(old) == 1, f"{old!r} is in the text {text.count(old)} times"
    return text.replace(old, new)


def line_of(part: str, text: str) -> int:
    """The line that ``part`` stands in, counted from 1."""
    return text[: text.index(part)].count("\n") + 1
