"""What is in the shipped frame, as far as tenants' templates that stand in it are held to that. It owns how
the file is read; what it looks like is its own.
"""

import re
from functools import cache

from connector.foundation.resources import templates_dir
from connector.mail.template_growth import Size

FRAME = "mail/_base.html"

_START = re.compile(r"<[a-z]")
_COMMENT = re.compile(r"<!--(.*?)-->", re.DOTALL)


@cache
def size_of_frame() -> Size:
    """How large it is, its values as they are named."""
    sheet = _source().partition("<style>")[2].partition("</style>")[0]
    return Size(elements=len(_START.findall(_source())), sheets=len(sheet))


@cache
def comments_of_frame() -> frozenset[str]:
    """Its HTML comments, in which no value stands: they are for Outlook."""
    return frozenset(_COMMENT.findall(_source()))


@cache
def _source() -> str:
    return (templates_dir() / FRAME).read_text(encoding="utf-8")
