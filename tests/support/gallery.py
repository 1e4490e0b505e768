"""Every page that a person may see on the way in, as HTML, in two brands whose names and addresses are as
long as they come. It owns which pages there are; what must be true of each is the tests'.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from connector.domain.model import Brand, PortalUser, Tenant
from connector.domain.policy import LinkUse
from connector.foundation.resources import templates_dir
from connector.invite.pages import Message, Pages, View
from connector.invite.standing import Invited, Standing
from tests.support.builders import a_tenant

DARK = replace(
    a_tenant(),
    brand=Brand(primary="#003366", accent="#ffcc00", support="help@acme.example"),
)
LIGHT = replace(
    a_tenant(),
    name="Stadtwerke Lüneburg-Nordheide Kundenportal für Geschäftspartner",
    locale="de",
    time_zone="Europe/Berlin",
    portal_url="https://kundenportal.stadtwerke-lueneburg-nordheide.example/start",
    brand=Brand(
        primary="#b45309",
        accent="#fde68a",
        support="kundenservice-geschaeftspartner@stadtwerke-lueneburg-nordheide.example",
        footer="Stadtwerke Lüneburg-Nordheide GmbH · Am Alten Kaufhaus 1, 21335 Lüneburg",
    ),
)
BRANDS = {"dark": DARK, "light": LIGHT}

_BOTH = frozenset({"VERIFY_EMAIL", "UPDATE_PASSWORD"})
_ALL = _BOTH | {
    "TERMS_AND_CONDITIONS",
    "UPDATE_PROFILE",
    "CONFIGURE_TOTP",
    "webauthn-register",
    "webauthn-register-passwordless",
    "CONFIGURE_RECOVERY_AUTHN_CODES",
    "bank-review",
}
_LONG = "Hubert Blaine Wolfeschlegelsteinhausenbergerdorff"


@dataclass(frozen=True)
class Gallery:
    """All pages, about one invited person of one tenant, in one language."""

    tenant: Tenant
    user: PortalUser
    language: str

    def pages(self) -> Iterator[tuple[str, str]]:
        """Name and HTML of each."""
        pages = Pages(templates_dir() / "pages")
        view, neutral = self._view(self.tenant), self._view(None)
        for name, make in self._made(pages).items():
            yield name, make(view)
        for message in (Message.UNKNOWN, Message.LOST_NEUTRAL, Message.REFUSED, Message.FAILED):
            yield f"neutral-{message}", pages.message(neutral, message)

    def _view(self, tenant: Tenant | None) -> View:
        return View(language=self.language, tenant=tenant, again="?")

    def _made(self, pages: Pages) -> dict[str, Callable[[View], str]]:
        made: dict[str, Callable[[View], str]] = {
            "landing": self._landing(pages, Standing.VALID, _BOTH),
            "landing-password": self._landing(
                pages, Standing.VALID, frozenset({"UPDATE_PASSWORD"}), again=True
            ),
            "landing-passkey": self._landing(
                pages, Standing.ELSEWHERE, frozenset({"webauthn-register-passwordless"})
            ),
            "landing-everything": self._landing(pages, Standing.VALID, _ALL),
            "landing-once": self._landing(pages, Standing.VALID, _BOTH, once=True),
            "landing-missed": self._landing(pages, Standing.VALID, _BOTH, once=True, missed=True),
            "signed-in": lambda view: pages.signed_in(view, self.user, name=_LONG, form="/x"),
            "signed-in-unnamed": lambda view: pages.signed_in(view, self.user, name="", form="/x"),
            "done": lambda view: pages.done(view, self.tenant).replace('http-equiv="refresh"', ""),
        }
        return made | {str(message): _message(pages, message) for message in Message}

    def _landing(
        self,
        pages: Pages,
        standing: Standing,
        actions: frozenset[str],
        *,
        again: bool = False,
        once: bool = False,
        missed: bool = False,
    ) -> Callable[[View], str]:
        invitation = self.user.invitation
        assert invitation is not None
        policy = replace(self.tenant.policy, link_use=LinkUse.FIRST_PRESS) if once else self.tenant.policy
        invited = Invited(
            standing=standing,
            tenant=replace(self.tenant, policy=policy),
            user=self.user,
            invitation=invitation,
            generation=invitation.generation,
        )
        return lambda view: pages.landing(
            view,
            invited,
            action="/x",
            sign_in_at="anmeldung.stadtwerke-lueneburg-nordheide.example",
            required_actions=actions,
            again=again,
            is_missed=missed,
        )


def _message(pages: Pages, message: Message) -> Callable[[View], str]:
    form = "/x" if message is Message.EXPIRED else ""
    return lambda view: pages.message(view, message, link="/on", form=form)
