"""Writes a tenant's templates: a good mail, of which each test changes what it is about."""

from pathlib import Path

GOOD = {
    "subject.txt": "Come to {{ tenant.name }}",
    "body.txt": "Hello {{ user.given_name|default('you', true) }},\n\n{{ invitation.link }}\n",
    "body.html": (
        '{% extends "mail/_base.html" %}\n'
        "{% block title %}Come to {{ tenant.name }}{% endblock %}\n"
        "{% block href %}{{ invitation.link }}{% endblock %}\n"
        "{% block button %}Come in{% endblock %}\n"
        "{% block message %}<p>Until {{ invitation.expires_at|date }}</p>{% endblock %}\n"
    ),
}


def write_templates(
    folder: Path, *, template: str = "invitation", language: str = "en", **parts: str
) -> Path:
    """One mail in one language under ``folder``; ``body_html="…"`` stands in place of the good one."""
    home = folder / template / language
    home.mkdir(parents=True, exist_ok=True)
    for name, text in (GOOD | {part.replace("_", "."): text for part, text in parts.items()}).items():
        (home / name).write_text(text, encoding="utf-8")
    return folder
