"""The pages a person sees, in the tenant's brand and the person's language. It owns what stands on each, as
HTML; it must not know requests, nor decide which page is due.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from connector.domain.mapping import sign_in_kind_of
from connector.domain.model import PortalUser, Tenant
from connector.invite.look import Looks
from connector.invite.standing import Invited, Standing
from connector.invite.texts import Texts, Words

_NO_CONTACT = {"before": "", "address": "", "after": ""}
_ORDER = (
    "TERMS_AND_CONDITIONS",
    "UPDATE_PROFILE",
    "VERIFY_EMAIL",
    "CONFIGURE_TOTP",
    "UPDATE_PASSWORD",
    "webauthn-register",
    "webauthn-register-passwordless",
    "CONFIGURE_RECOVERY_AUTHN_CODES",
)
"""The required actions that have words of their own, as Keycloak asks for them (by its default priorities,
measured on 26.7.3).
"""


class Message(StrEnum):
    """The pages that say one thing; the values are their names in ``texts.yaml``."""

    EXPIRED = "expired"
    EXPIRED_ASK = "expired_ask"
    RENEWED = "renewed"
    USED = "used"
    USED_RECOVERY = "used_recovery"
    SUPERSEDED = "superseded"
    TAKEN = "taken"
    WITHDRAWN = "withdrawn"
    UNKNOWN = "unknown"
    TOO_MANY = "too_many"
    UNAVAILABLE = "unavailable"
    UNFINISHED = "unfinished"
    LOST = "lost"
    LOST_NEUTRAL = "lost_neutral"
    FORBIDDEN = "forbidden"
    REFUSED = "refused"
    FAILED = "failed"


STATUS: dict[Message, int] = {
    Message.EXPIRED: 410,
    Message.EXPIRED_ASK: 410,
    Message.RENEWED: 200,
    Message.USED: 410,
    Message.USED_RECOVERY: 410,
    Message.SUPERSEDED: 410,
    Message.TAKEN: 200,
    Message.WITHDRAWN: 410,
    Message.UNKNOWN: 404,
    Message.TOO_MANY: 429,
    Message.UNAVAILABLE: 503,
    Message.UNFINISHED: 503,
    Message.LOST: 410,
    Message.LOST_NEUTRAL: 410,
    Message.FORBIDDEN: 403,
    Message.REFUSED: 405,
    Message.FAILED: 500,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What every page needs to know: whose brand, which language, and where else it can be read."""

    language: str
    tenant: Tenant | None = None
    again: str = ""
    """The page's address, up to where ``lang=`` and a language follow; empty if it cannot be read again."""


class Pages:
    """Makes pages from the templates and the texts in ``folder``."""

    def __init__(self, folder: Path) -> None:
        self.texts = Texts.load(folder)
        self._templates = Environment(
            loader=FileSystemLoader(folder),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            auto_reload=False,
        )
        self.looks = Looks(folder, self._templates)

    def landing(
        self,
        view: View,
        invited: Invited,
        *,
        action: str,
        sign_in_at: str,
        required_actions: frozenset[str],
        again: bool,
        is_missed: bool = False,
    ) -> str:
        """The page with the button. ``action`` is where it posts, ``sign_in_at`` Keycloak's host; ``again``
        after an attempt that was not finished, ``is_missed`` after one without the right address.
        """
        words = self.texts.page(view.language, "landing")
        tenant = invited.tenant
        elsewhere = invited.standing is Standing.ELSEWHERE
        kind = _kind(required_actions)
        notice = words["again"] if again else ""
        return self._render(
            "landing.html",
            view,
            words=words,
            title=words["title"].format(tenant=tenant.name),
            heading=words["heading"].format(tenant=tenant.name),
            lead=words[f"lead_{kind}"],
            notice=words["elsewhere"] if elsewhere else notice,
            address=self.texts.masked(view.language, invited.invitation.address),
            site=_site(tenant.portal_url),
            until=self.texts.moment(view.language, invited.invitation.expires_at, tenant.time_zone),
            where=words["where"].format(host=sign_in_at),
            steps=_steps(words, required_actions),
            action=action,
            asks_address=invited.asks_address,
            is_missed=is_missed,
            button=words["button_elsewhere" if elsewhere else f"button_{kind}"],
        )

    def message(self, view: View, message: Message, *, link: str = "", form: str = "") -> str:
        """A page that says one thing. Its button leads to ``link``, or posts to ``form``."""
        words = self.texts.page(view.language, message)
        return self._render(
            "message.html",
            view,
            title=words["title"],
            paragraphs=words["text"],
            contact=_contact(words, view.tenant),
            button=words.get("button", ""),
            link=link,
            form=form,
            small="",
        )

    def signed_in(self, view: View, user: PortalUser, *, name: str, form: str) -> str:
        """Somebody else, perhaps called ``name``, is signed in at Keycloak."""
        words = self.texts.page(view.language, "signed_in")
        kind = "named" if name else "unnamed"
        address = user.invitation.address if user.invitation else ""
        account = self.texts.masked(view.language, address).shown
        return self._render(
            "message.html",
            view,
            title=words["title"],
            heading=words[f"heading_{kind}"].format(name=name),
            paragraphs=[text.format(name=name, account=account) for text in words[f"text_{kind}"]],
            button=words["button"],
            link="",
            form=form,
            small=words["not_you"],
        )

    def done(self, view: View, tenant: Tenant) -> str:
        """The end: on to the portal by itself."""
        words = self.texts.page(view.language, "done")
        return self._render(
            "done.html",
            view,
            title=words["title"],
            paragraphs=[text.format(tenant=tenant.name) for text in words["text"]],
            button=words["button"],
            link=tenant.portal_url,
        )

    def _render(
        self, template: str, view: View, *, contact: Mapping[str, str] = _NO_CONTACT, **values: Any
    ) -> str:
        words = self.texts.common(view.language)
        return self._templates.get_template(template).render(
            lang=view.language,
            brand=self.looks.of(view.tenant),
            support=_around(words["support"], view.tenant.brand.support if view.tenant else ""),
            contact=contact,
            switch=words["languages"],
            languages=self._other_languages(view) if view.again else [],
            **values,
        )

    def _other_languages(self, view: View) -> list[dict[str, str]]:
        return [
            {"code": code, "name": name, "href": f"{view.again}lang={code}"}
            for code, name in self.texts.languages.items()
            if code != view.language
        ]


def _kind(required_actions: frozenset[str]) -> str:
    """Which words fit what an invited person has to do."""
    return "several" if len(required_actions) > 1 else sign_in_kind_of(required_actions)


def _steps(words: Words, required_actions: frozenset[str]) -> list[str]:
    """What comes after the button, in the order in which Keycloak asks for it."""
    steps = [words[action] for action in _ORDER if action in required_actions]
    if not steps or required_actions - set(_ORDER):
        steps.append(words["step_other"])
    return [*steps, words["step_done"]]


def _contact(words: Words, tenant: Tenant | None) -> Mapping[str, str]:
    """Whom to turn to: the tenant's support address if there is one, else whom the page names instead."""
    address = tenant.brand.support if tenant else ""
    if address and "contact" in words:
        return _around(words["contact"], address)
    return _NO_CONTACT | {"before": words.get("no_contact", "")}


def _around(sentence: str, address: str) -> Mapping[str, str]:
    """A sentence in three parts, so that the address in it can be a link."""
    before, _, after = sentence.partition("{support}")
    return {"before": before, "address": address, "after": after}


def _site(portal_url: str) -> str:
    """A portal's address as people write it."""
    parts = urlsplit(portal_url)
    return f"{parts.netloc}{parts.path}".rstrip("/")
