"""The realm itself and those of its settings that Usher needs: events, fine-grained permissions,
password recovery, a mail server if there is none. It must not touch any other setting.

Everything goes through one partial ``PUT /admin/realms/{realm}``, which changes only what it names
(measured on 26.7.3). ``PUT …/events/config`` does not: what it leaves out, it switches off.
"""

from collections.abc import Iterator
from typing import Any

from connector.domain.errors import Misconfigured
from connector.domain.model import Tenant
from connector.foundation.config import Fence, MailSettings, SmtpSettings
from connector.keycloak.setup.steps import Change, Representation, Site, Step, differences, step

EVENTS = (
    "CODE_TO_TOKEN",
    "DELETE_ACCOUNT",
    "LOGIN",
    "UPDATE_CREDENTIAL",
    "UPDATE_EMAIL",
    "UPDATE_PROFILE",
    "USER_DISABLED_BY_PERMANENT_LOCKOUT",
    "USER_DISABLED_BY_TEMPORARY_LOCKOUT",
    "VERIFY_EMAIL",
)
"""The user events that tell what people did to their accounts."""

EVENTS_KEPT = 30 * 24 * 3600
"""Seconds for which Keycloak keeps events, where nobody had switched them on before."""

_NO_REALM = ("Realm not found.",)


def realm_exists(site: Site) -> Iterator[Step]:
    """The realm is there; made only when asked to.

    :raises Misconfigured: it is not there and not to be made.
    """
    if site.admin.find(absent=_NO_REALM) is not None:
        return
    name = site.realm.realm
    if not site.create_realm:
        raise Misconfigured(
            f"There is no realm '{name}' at {site.realm.url}. Create it in Keycloak's console, or "
            "correct 'realm'."
        )
    body = {"realm": name, "enabled": True}
    yield step(f"realm {name}", "make it", lambda: site.admin.make_realm(body), barrier=True)


def realm_settings(site: Site) -> Iterator[Step]:
    """Switches of the realm that must stand in one position."""
    real = site.admin.get()
    wanted = _wanted(site, real)
    changes = tuple(differences(f"realm {site.realm.realm}", wanted, real))
    if changes:
        yield Step(changes=changes, write=lambda: site.admin.put("", wanted))


def mail_server(site: Site) -> Iterator[Step]:
    """A mail server for Keycloak's own mails, where it has none and the tenants agree on a sender."""
    if site.admin.get().get("smtpServer", {}).get("host"):
        return
    mail = site.settings.mail
    sender = shared_sender(site.tenants, mail)
    if mail.smtp is None or sender is None:
        return
    server = {**_smtp(mail.smtp), **sender}
    change = Change(
        thing=f"realm {site.realm.realm}",
        what=f"mail server nothing → {mail.smtp.host}:{mail.smtp.port}, from {sender['from']}",
    )
    yield Step(changes=(change,), write=lambda: site.admin.put("", {"smtpServer": server}))


def _wanted(site: Site, real: Representation) -> dict[str, Any]:
    wanted: dict[str, Any] = {
        "eventsEnabled": True,
        "adminEventsEnabled": True,
        "adminEventsDetailsEnabled": True,
    }
    if not real.get("eventsEnabled") and not real.get("eventsExpiration"):
        wanted["eventsExpiration"] = EVENTS_KEPT
    # An empty list stands for every type.
    if kept := real.get("enabledEventTypes"):
        wanted["enabledEventTypes"] = sorted({*kept, *EVENTS})
    if site.realm.fence is Fence.STRICT:
        wanted["adminPermissionsEnabled"] = True
    if site.tenants:
        wanted["resetPasswordAllowed"] = any(t.policy.password_recovery for t in site.tenants)
    return wanted


def shared_sender(tenants: tuple[Tenant, ...], mail: MailSettings) -> dict[str, str] | None:
    """The address if all that may send have the same, its name and Reply-To only if these agree too; else
    the installation's, which is nobody's in particular.
    """
    senders = {
        (t.sender.address or mail.from_ or "", t.sender.from_name or t.name, t.sender.reply_to)
        for t in tenants
        if t.can_send
    }
    addresses = {address for address, *_ in senders}
    if len(addresses) > 1:
        return {"from": mail.from_} if mail.from_ else None
    if not addresses:
        return None
    if len(senders) > 1:
        return {"from": addresses.pop()}
    ((address, name, reply_to),) = senders
    return {"from": address, "fromDisplayName": name, "replyTo": reply_to}


def _smtp(smtp: SmtpSettings) -> dict[str, str]:
    server = {
        "host": smtp.host,
        "port": str(smtp.port),
        "starttls": str(smtp.tls == "starttls").lower(),
        "ssl": str(smtp.tls == "implicit").lower(),
        "auth": str(smtp.user is not None).lower(),
    }
    if smtp.user is not None and smtp.password is not None:
        server |= {"user": smtp.user, "password": smtp.password.read()}
    return server
