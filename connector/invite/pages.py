"""The pages a person sees, in the tenant's brand and the person's language. It owns what stands on each, as
HTML and stylesheet; it must not know requests, nor decide which page is due.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from connector.domain.model import Brand, PortalUser, Tenant
from connector.foundation.brand import contrast, css_properties, text_on
from connector.invite.addresses import BRAND
from connector.invite.standing import Invited, Standing
from connector.invite.texts import Texts, Words

NEUTRAL = "_"
"""In place of a tenant's id where none is known; no tenant can be called so."""
_NEUTRAL_BRAND = Brand(primary="#334155", accent="#94a3b8")
_VISIBLE = 1.5
"""Contrast from which on a shape without meaning is worth drawing."""

VERIFY_EMAIL = "VERIFY_EMAIL"
UPDATE_PASSWORD = "UPDATE_PASSWORD"  # noqa: S105 (a required action's name)


class Message(StrEnum):
    """The pages that say one thing; the values are their names in ``texts.yaml``."""

    EXPIRED = "expired"
    EXPIRED_ASK = "expired_ask"
    RENEWED = "renewed"
    USED = "used"
    USED_RECOVERY = "used_recovery"
    SUPERSEDED = "superseded"
    WITHDRAWN = "withdrawn"
    UNKNOWN = "unknown"
    UNAVAILABLE = "unavailable"
    UNFINISHED = "unfinished"
    LOST = "lost"
    LOST_NEUTRAL = "lost_neutral"
    FORBIDDEN = "forbidden"
    FAILED = "failed"


STATUS: dict[Message, int] = {
    Message.EXPIRED: 410,
    Message.EXPIRED_ASK: 410,
    Message.RENEWED: 200,
    Message.USED: 410,
    Message.USED_RECOVERY: 410,
    Message.SUPERSEDED: 410,
    Message.WITHDRAWN: 410,
    Message.UNKNOWN: 404,
    Message.UNAVAILABLE: 503,
    Message.UNFINISHED: 503,
    Message.LOST: 410,
    Message.LOST_NEUTRAL: 410,
    Message.FORBIDDEN: 403,
    Message.FAILED: 500,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What every page needs to know: whose brand, which language, and where else it can be read."""

    language: str
    tenant: Tenant | None = None
    switch: bool = False
    """Whether the page may be asked for again with ``?lang=``."""


class Pages:
    """Makes pages from the templates and the texts in ``folder``."""

    def __init__(self, folder: Path) -> None:
        self.texts = Texts.load(folder)
        self._folder = folder
        self._templates = Environment(
            loader=FileSystemLoader(folder),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            auto_reload=False,
        )

    def landing(
        self,
        view: View,
        invited: Invited,
        *,
        action: str,
        sign_in_at: str,
        required_actions: frozenset[str],
        again: bool,
    ) -> str:
        """The page with the button. ``action`` is where it posts, ``sign_in_at`` Keycloak's host;
        ``again`` after an attempt that was not finished.
        """
        words = self.texts.page(view.language, "landing")
        tenant = invited.tenant
        elsewhere = invited.standing is Standing.ELSEWHERE
        kind = "password" if UPDATE_PASSWORD in required_actions else "other"
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
            steps=[step.format(host=sign_in_at) for step in _steps(words, required_actions)],
            action=action,
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

    def style(self, brand: Brand | None) -> str:
        """The stylesheet in a brand's colours; the neutral one's for None."""
        brand = brand or _NEUTRAL_BRAND
        properties = css_properties(brand) | {"--mark": _mark_colour(brand)}
        colours = "".join(f"{name}:{value};" for name, value in properties.items())
        return f":root{{{colours}}}\n{_sheet(self._folder)}"

    def icon(self, tenant: Tenant | None) -> str:
        """What a browser shows beside the title where there is no logo: the first letter of the name."""
        brand = tenant.brand if tenant else _NEUTRAL_BRAND
        colours = css_properties(brand)
        return self._templates.get_template("icon.svg").render(
            initial=_initial(tenant),
            colour=colours["--brand-primary"],
            on_colour=colours["--brand-on-primary"],
        )

    def _render(self, template: str, view: View, **values: Any) -> str:
        words = self.texts.common(view.language)
        before, _, after = words["support"].partition("{support}")
        return self._templates.get_template(template).render(
            lang=view.language,
            brand=self._brand(view.tenant),
            support=(before, after),
            languages=self._other_languages(view) if view.switch else [],
            **values,
        )

    def _brand(self, tenant: Tenant | None) -> Mapping[str, str]:
        place = f"{BRAND}/{tenant.id if tenant else NEUTRAL}"
        brand = tenant.brand if tenant else _NEUTRAL_BRAND
        name = tenant.name if tenant else ""
        logo = f"{place}/logo.png?v={_version(brand.logo)}" if brand.logo else ""
        icon = f"{place}/icon.svg?v={_version(self.icon(tenant).encode())}"
        return {
            "name": name,
            "initial": _initial(tenant),
            "style": f"{place}/style.css?v={_version(self.style(brand).encode())}",
            "logo": logo,
            "icon": logo or icon,
            "support": brand.support,
            "footer": brand.footer,
        }

    def _other_languages(self, view: View) -> list[dict[str, str]]:
        return [
            {"code": code, "name": name, "href": f"?lang={code}"}
            for code, name in self.texts.languages.items()
            if code != view.language
        ]


def _steps(words: Words, required_actions: frozenset[str]) -> list[str]:
    """What comes after the button, in the order in which Keycloak asks for it."""
    verify, password = VERIFY_EMAIL in required_actions, UPDATE_PASSWORD in required_actions
    steps = [words["step_verify"]] if verify else []
    if password:
        steps.append(words["step_password_then" if verify else "step_password"])
    if not steps:
        steps.append(words["step_other"])
    return [*steps, words["step_done"]]


def _mark_colour(brand: Brand) -> str:
    """What a mark on the primary colour is drawn in: the accent, if it can be told from it."""
    told_apart = contrast(brand.accent, brand.primary) >= _VISIBLE
    return brand.accent if told_apart else text_on(brand.primary)


def _initial(tenant: Tenant | None) -> str:
    return tenant.name[:1].upper() if tenant else ""


def _site(portal_url: str) -> str:
    """A portal's address as people write it."""
    parts = urlsplit(portal_url)
    return f"{parts.netloc}{parts.path}".rstrip("/")


@cache
def _sheet(folder: Path) -> str:
    return (folder / "style.css").read_text(encoding="utf-8")


def _version(content: bytes) -> str:
    """What tells two versions of a file apart in its address."""
    return sha256(content).hexdigest()[:12]
