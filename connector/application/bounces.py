"""Writes down that mails came back. It owns which report is believed: one that names a mail of ours and the
address that it went to; it must not know messages or folders.
"""

from functools import partial

from connector.application.records import DeliveryReport, Entry, MailAttempt, Outcome
from connector.application.repeat import repeated
from connector.application.service import Service
from connector.domain.model import state_of
from connector.foundation import metrics

MAIL = "mail"
"""The source of what mail systems tell, on the timeline."""

BOUNCED = "mail_bounced"


class Bounces:
    """The way in of delivery reports."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def take(self, report: DeliveryReport, *, request_id: str) -> bool:
        """Write down what a report says; whether it is of a mail of ours. Durable when it returns; a report
        that comes again changes nothing, nor does one of a mail or an address that is not ours.

        :raises Busy: the database did not take it in time.
        """
        with self._service.store.read() as work:
            named = [mail for mark in sorted(report.marks) for mail in work.mails.of_message(mark)]
        meant = (mail for mail in named if mail.recipient and mail.recipient in report.recipients)
        ours = {(mail.tenant, mail.user_id, mail.message_id): mail for mail in meant}
        enter = partial(self._enter, answer=report.answer, request_id=request_id)
        for mail in ours.values():
            repeated(partial(enter, mail))
        return bool(ours)

    def _enter(self, mail: MailAttempt, *, answer: str, request_id: str) -> None:
        now = self._service.clock.now()
        with self._service.store.write() as work:
            user = work.users.get(mail.tenant, mail.user_id)
            if not work.mails.bounce(mail, answer=answer, at=now):
                return
            state = state_of(user, now)
            work.timeline.add(
                Entry(
                    tenant=mail.tenant,
                    user_id=mail.user_id,
                    at=now,
                    actor=MAIL,
                    source=MAIL,
                    request_id=request_id,
                    action=BOUNCED,
                    before=state,
                    after=state,
                    reason=f"{mail.template}/{mail.generation}: {answer}",
                )
            )
        metrics.mail(mail.template, Outcome.BOUNCED)
