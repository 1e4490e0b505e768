"""Makes the answers of all routes: pages with their status and policy, redirects, and the language of each.
It owns that; which answer is due is the views'.
"""

from urllib.parse import urlencode

from flask import Response, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from connector.domain.mapping import AccountMapping
from connector.domain.model import State, Tenant
from connector.foundation.config import Settings
from connector.invite.addresses import GO, INVITE, PROBE
from connector.invite.http import LANGUAGE_COOKIE, origin_of, page_policy
from connector.invite.outcomes import SignedIn
from connector.invite.pages import STATUS, Message, Pages, View
from connector.invite.standing import Invited

REFUSALS = {404: Message.UNKNOWN, 405: Message.REFUSED, 413: Message.REFUSED, 500: Message.FAILED}
"""What the web server itself refuses, by status, and as which page."""


class Answers:
    """Pages and redirects for the request at hand."""

    def __init__(self, settings: Settings, mapping: AccountMapping, pages: Pages) -> None:
        self._settings = settings
        self._mapping = mapping
        self._pages = pages

    # --- pages -------------------------------------------------------------------------------------

    def landing(self, token: str, invited: Invited, *, is_missed: bool = False) -> Response:
        """The page with the button; ``is_missed`` if the address that it asks for was not given."""
        tenant, language = invited.tenant, self.language_of(invited)
        html = self._pages.landing(
            View(language=language, tenant=tenant, again=_here()),
            invited,
            action=f"{INVITE}/{token}?lang={language}",
            sign_in_at=self._keycloak_of(tenant).partition("://")[2],
            required_actions=self._mapping.rule(State.PENDING, tenant.policy).required_actions,
            again="again" in request.args,
            is_missed=is_missed,
        )
        return self._page(html, 422 if is_missed else 200, tenant)

    def about(
        self, message: Message, invited: Invited | None, *, link: str = "", form: str = ""
    ) -> Response:
        """A page about a mailed link. None where there is no such link: the same bytes for all of them."""
        tenant = invited.tenant if invited else None
        language = self.language_of(invited) if invited else self.language()
        view = View(language=language, tenant=tenant, again=_here() if invited else "?")
        return self._message(view, message, link, form)

    def message(
        self, message: Message, tenant: Tenant | None = None, *, link: str = "", again: str = ""
    ) -> Response:
        """A page about a step on the way; ``again`` is where it can be read in another language, if that is
        not here.
        """
        view = View(language=self.language(tenant), tenant=tenant, again=again or _here())
        return self._message(view, message, link, "")

    def refusal(self, error: HTTPException) -> Response:
        """What the web server itself would say, as a page that tells nobody's name; an address that there
        is not looks like a link that there is not.
        """
        status = error.code or 500
        response = self.about(REFUSALS[status], None)
        response.status_code = status
        if isinstance(error, MethodNotAllowed):
            response.allow.update(error.valid_methods or ())
        return response

    def signed_in(self, found: SignedIn) -> Response:
        """Somebody else is signed in. What told us so is spent: in another language, ask anew."""
        view = View(language=self.language(found.tenant), tenant=found.tenant, again=f"{PROBE}?")
        html = self._pages.signed_in(view, found.user, name=found.name, form=GO)
        return self._page(html, 200, found.tenant)

    def done(self, tenant: Tenant) -> Response:
        """The end."""
        view = View(language=self.language(tenant), tenant=tenant, again=_here())
        return self._page(self._pages.done(view, tenant), 200, tenant)

    def redirect(self, url: str) -> Response:
        """On to ``url``, by GET (RFC 9110 §15.4.4)."""
        response = Response(status=303)
        response.headers["Location"] = url
        return response

    # --- languages ---------------------------------------------------------------------------------

    def language_of(self, invited: Invited) -> str:
        """As asked for, else the invitation's, else the tenant's."""
        wishes = (request.args.get("lang", ""), invited.invitation.locale, invited.tenant.locale)
        return self._pages.texts.choose(*wishes)

    def language(self, tenant: Tenant | None = None) -> str:
        """As asked for or chosen at the press, else the tenant's, else the browser's."""
        wishes = (
            request.args.get("lang", ""),
            request.cookies.get(LANGUAGE_COOKIE, ""),
            tenant.locale if tenant else "",
        )
        return self._pages.texts.choose(*wishes, *request.accept_languages.values())

    # --- making one --------------------------------------------------------------------------------

    def _message(self, view: View, message: Message, link: str, form: str) -> Response:
        html = self._pages.message(view, message, link=link, form=form)
        return self._page(html, STATUS[message], view.tenant)

    def _page(self, html: str, status: int, tenant: Tenant | None) -> Response:
        response = Response(html, status, mimetype="text/html")
        policy = page_policy(self._keycloak_of(tenant) if tenant else "")
        response.headers["Content-Security-Policy"] = policy
        return response

    def _keycloak_of(self, tenant: Tenant) -> str:
        """The origin at which the tenant's people sign in."""
        return origin_of(self._settings.realms[tenant.realm].url)


_KEPT = ("state", "code", "error", "iss", "again")
"""What of a page's address makes it this page."""


def _here() -> str:
    """This page's own address, ready for a language."""
    kept = urlencode({name: request.args[name] for name in _KEPT if name in request.args})
    return f"?{kept}&" if kept else "?"
