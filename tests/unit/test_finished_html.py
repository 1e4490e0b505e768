"""The second look, at finished mails: what slipped through the first is stopped here."""

import pytest

from connector.mail.finished_html import fault_of_html
from connector.mail.shipped_frame import comments_of_frame

FINE = [
    "<!doctype html><p>x</p>",
    "<!DOCTYPE html>",
    '<a href=" https://portal.example ">x</a>',
    '<meta charset="utf-8"><meta name="x-apple-disable-message-reformatting">',
    *(f"<!--{comment}-->" for comment in comments_of_frame()),
]
UNSEEN = "a comment or a declaration that is not the frame's"
HARMFUL = {
    "<!-- x -->": UNSEEN,
    "<!--[if mso]><script></script><![endif]-->": UNSEEN,
    "<![if mso]><p>x</p><![endif]>": UNSEEN,
    "<![CDATA[x]]>": UNSEEN,
    "<!ENTITY x>": UNSEEN,
    '<!doctype html SYSTEM "x">': UNSEEN,
    "<?xml version='1.0'?>": UNSEEN,
    '<meta charset="utf-7">': "a mail is UTF-8",
    '<meta name="referrer">': "<meta> may be one of",
    '<a href="https://evil.example">': "a link leads elsewhere",
    "<script>": "<script> is not for mails",
}


@pytest.mark.parametrize("html", FINE)
def test_what_mails_are_made_of_is_fine(html: str) -> None:
    assert fault_of_html(html, addresses=["https://portal.example"]) == ""


@pytest.mark.parametrize("html", HARMFUL)
def test_control_t1_a_finished_mail_has_nothing_that_runs(html: str) -> None:
    assert HARMFUL[html] in fault_of_html(f"<p>x</p>{html}", addresses=["https://portal.example"])
