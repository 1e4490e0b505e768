"""Looks at a finished mail of a tenant's template once more, as a mail program reads it. It owns this
second look, which knows nothing of templates: what slipped through the first is stopped here.
"""

from collections.abc import Collection
from html.parser import HTMLParser

from connector.mail.html_rules import fault_of_attribute, fault_of_css, fault_of_tag, fault_of_value
from connector.mail.shipped_frame import comments_of_frame

_STYLE = "style"
_ELSEWHERE = "a link leads elsewhere than to the invitation, the portal or the support address"
_NO_SUPPORT = "the tenant has no brand.support to write to: put {% if brand.support %} around the link"
_UNSEEN = "there is a comment or a declaration that is not the frame's: some mail programs run these"
_NO_LOGO = "the tenant has no brand.logo to show: put {% if brand.logo %} around the image"


def fault_of_html(html: str, *, addresses: Collection[str]) -> str:
    """What is wrong with a mail whose links lead to ``addresses`` alone and whose images are its own parts;
    empty if nothing is.
    """
    look = _Look(addresses)
    look.feed(html)
    look.close()
    return look.fault


class _Look(HTMLParser):
    """Keeps the first fault."""

    def __init__(self, addresses: Collection[str]) -> None:
        super().__init__()
        self.fault = ""
        self._addresses = addresses

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._note(fault_of_tag(tag))
        for name, value in attrs:
            self._note(fault_of_attribute(tag, name))
            self._note(fault_of_value(name, value or ""))
            self._note(self._fault_of_reference(name, (value or "").strip()))

    def handle_data(self, data: str) -> None:
        if self.lasttag == _STYLE and self.cdata_elem == _STYLE:
            self._note(fault_of_css(data))

    def handle_comment(self, data: str) -> None:
        if data not in comments_of_frame():
            self._note(_UNSEEN)

    def handle_decl(self, decl: str) -> None:
        if decl.lower() != "doctype html":
            self._note(_UNSEEN)

    def unknown_decl(self, data: str) -> None:
        self._note(_UNSEEN)

    def handle_pi(self, data: str) -> None:
        self._note(_UNSEEN)

    def _fault_of_reference(self, name: str, value: str) -> str:
        if name == "href" and value not in self._addresses:
            return _NO_SUPPORT if value == "mailto:" else _ELSEWHERE
        if name == "src" and not value.startswith("cid:"):
            return "an image is no part of the mail" if value else _NO_LOGO
        return fault_of_css(value) if name == _STYLE else ""

    def _note(self, fault: str) -> None:
        self.fault = self.fault or fault
