"""The inbox as a person sees it: a list of mails that renews itself, beside it the chosen one. It owns the
page; mails are read from the inbox and never changed.

A mail's HTML is somebody else's: it is shown in a sandboxed frame without scripts, and its links open in a
new tab.
"""

import re
from email.message import EmailMessage
from email.utils import parseaddr

from flask import Flask, Response, abort, render_template

from connector.demo.inbox import Inbox, ReceivedMail
from connector.demo.web import clock_time, page_app

REFRESH_SECONDS = 2
MAIL_POLICY = (
    "default-src 'none'; img-src http: https: data:; style-src 'unsafe-inline'; form-action 'none'; "
    "sandbox allow-popups allow-popups-to-escape-sandbox"
)
_EMBEDDED = re.compile(r"""(?i)(src=["']?)cid:([^"'>\s]+)""")
_COLOURS = ("#1d4ed8", "#0f766e", "#9333ea", "#b45309", "#be123c", "#4d7c0f")


def inbox_app(inbox: Inbox) -> Flask:
    """The page of one inbox: ``/`` the newest mail, ``/mail/{number}`` a chosen one."""
    app = page_app("inbox")
    for template_filter in (name_of, colour_of, clock_time):
        app.add_template_filter(template_filter)
    views = _Views(inbox)
    for rule, view in (
        ("/", views.newest),
        ("/list", views.rows),
        ("/list/<int:number>", views.rows),
        ("/mail/<int:number>", views.mail),
        ("/mail/<int:number>/text", views.text),
        ("/mail/<int:number>/body", views.body),
        ("/mail/<int:number>/part/<content_id>", views.part),
    ):
        app.add_url_rule(rule, endpoint=rule, view_func=view)
    return app


class _Views:
    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox

    def newest(self) -> str:
        newest = next(iter(self._inbox.mails()), None)
        return _page(newest, as_sent=newest is not None and bool(newest.html), at_home=True)

    def rows(self, number: int = 0) -> str:
        return render_template(
            "inbox_list.html", mails=self._inbox.mails(), chosen=number, refresh=REFRESH_SECONDS
        )

    def mail(self, number: int) -> str:
        mail = self._chosen(number)
        return _page(mail, as_sent=bool(mail.html))

    def text(self, number: int) -> str:
        return _page(self._chosen(number), as_sent=False)

    def body(self, number: int) -> Response:
        return Response(
            body_page(self._chosen(number)),
            content_type="text/html; charset=utf-8",
            headers={"Content-Security-Policy": MAIL_POLICY},
        )

    def part(self, number: int, content_id: str) -> Response:
        image = embedded(self._chosen(number), content_id)
        if image is None:
            abort(404)
        return Response(image.get_content(), content_type=image.get_content_type())

    def _chosen(self, number: int) -> ReceivedMail:
        mail = self._inbox.get(number)
        if mail is None:
            abort(404)
        return mail


def _page(mail: ReceivedMail | None, *, as_sent: bool, at_home: bool = False) -> str:
    return render_template(
        "inbox.html", mail=mail, as_sent=as_sent, at_home=at_home, refresh=REFRESH_SECONDS
    )


def body_page(mail: ReceivedMail) -> str:
    """A mail's HTML for the frame: links go to a new tab, embedded images come from us."""
    html = _EMBEDDED.sub(rf"\g<1>/mail/{mail.number}/part/\g<2>", mail.html)
    return f'<base target="_blank">{html}'


def embedded(mail: ReceivedMail, content_id: str) -> EmailMessage | None:
    """The image that a mail carries under a Content-ID."""
    for part in mail.message.walk():
        if isinstance(part, EmailMessage) and part.get("Content-ID", "").strip("<>") == content_id:
            return part if part.get_content_maintype() == "image" else None
    return None


def name_of(header: str) -> str:
    """The name in a From or To header, else the address."""
    name, address = parseaddr(header)
    return name or address or header


def colour_of(text: str) -> str:
    """A colour for a sender; the same at each call."""
    return _COLOURS[sum(text.encode()) % len(_COLOURS)]
