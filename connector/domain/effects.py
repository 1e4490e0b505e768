"""What must happen outside after a change, as data. An effect says what to look at, never what to write:
whoever performs it reads the state of that moment, so repeats and re-orders are harmless.
"""

from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import ClassVar


class Lane(IntEnum):
    """A queue of its own: accounts never wait for mail, nor either for the clock."""

    ACCOUNT = 0
    MAIL = 1
    CLOCK = 2


class Template(StrEnum):
    """The mails Usher sends; the folder of that name under ``templates/mail/`` is what they say."""

    INVITATION = "invitation"
    ACTIVATION_RESEND = "activation_resend"
    REMINDER = "reminder"
    ACCESS_ENABLED = "access_enabled"
    WELCOME = "welcome"
    INVITATION_EXPIRED_NOTICE = "invitation_expired_notice"
    EMAIL_CHANGED_NOTICE = "email_changed_notice"


INVITING = frozenset({Template.INVITATION, Template.ACTIVATION_RESEND, Template.REMINDER})
"""These carry the invitation's link."""

ABOUT_INVITATION = INVITING | {Template.INVITATION_EXPIRED_NOTICE}
"""These may say when it ends."""

ASKED_FOR = frozenset({Template.INVITATION, Template.ACTIVATION_RESEND})
"""Behind these stands somebody who wants the person in; the others go out by themselves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """One thing to look at. ``urgent`` takes access away and overtakes all else; ``due`` is epoch
    seconds, None for at once.
    """

    name: ClassVar[str]
    lane: ClassVar[Lane]

    urgent: bool = False
    due: float | None = None

    @property
    def target(self) -> str:
        """What tells two open effects of one name and user apart; text without personal data."""
        return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncAccount(Effect):
    """Make the account at Keycloak what the user's state wants."""

    name = "sync_account"
    lane = Lane.ACCOUNT


@dataclass(frozen=True, slots=True, kw_only=True)
class EndSessions(Effect):
    """End every session, offline ones too, whatever the state is by then."""

    name = "end_sessions"
    lane = Lane.ACCOUNT


@dataclass(frozen=True, slots=True, kw_only=True)
class MailPasswordReset(Effect):
    """Have Keycloak mail a link to a new password."""

    name = "mail_password_reset"
    lane = Lane.ACCOUNT


@dataclass(frozen=True, slots=True, kw_only=True)
class SendMail(Effect):
    """Send one mail of ours; ``generation`` of the invitation it belongs to, 0 for none. ``change`` tells
    two changes apart that each have a mail of their own (:func:`moment_of`), 0 for none.
    """

    name = "send_mail"
    lane = Lane.MAIL
    template: Template
    generation: int = 0
    change: int = 0

    @property
    def target(self) -> str:
        """``<template>/<generation>``, and ``/<change>`` if there is one."""
        about = f"{self.template}/{self.generation}"
        return f"{about}/{self.change}" if self.change else about

    @classmethod
    def parse(cls, target: str) -> "SendMail":
        """The effect of a ``target``.

        :raises ValueError: it is none's.
        """
        template, generation, *change = target.split("/")
        return cls(template=Template(template), generation=int(generation), change=int(*change or "0"))


def moment_of(at: float) -> int:
    """A time (epoch seconds) as a whole number that names the change of that moment: microseconds."""
    return round(at * 1_000_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class MailInvitation(Effect):
    """Have Keycloak mail a generation's link, where invitations are its affair."""

    name = "mail_invitation"
    lane = Lane.MAIL
    generation: int

    @property
    def target(self) -> str:
        """The generation."""
        return str(self.generation)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpireInvitation(Effect):
    """See whether the invitation's time is over."""

    name = "expire_invitation"
    lane = Lane.CLOCK

    # One row per user: the row looks at the newest generation and moves itself when that lives longer.


@dataclass(frozen=True, slots=True, kw_only=True)
class Remind(Effect):
    """Send the reminder if the generation is still open."""

    name = "remind"
    lane = Lane.CLOCK
    generation: int

    @property
    def target(self) -> str:
        """The generation."""
        return str(self.generation)


@dataclass(frozen=True, slots=True, kw_only=True)
class PurgeUser(Effect):
    """Forget the personal data of a user whose grace period is over."""

    name = "purge_user"
    lane = Lane.CLOCK


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckHandover(Effect):
    """Look whether a hand-over that was begun came to its end unseen, or is over."""

    name = "check_handover"
    lane = Lane.CLOCK
    handover: str

    @property
    def target(self) -> str:
        """The hand-over's id."""
        return self.handover
