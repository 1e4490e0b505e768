"""One id from a SCIM caller's request to the mail that it brings about."""

import email
import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest
from werkzeug.test import TestResponse

from connector.application.account import Accounts
from connector.application.performers import Performers
from connector.application.post import Post
from connector.application.records import Entry, Token
from connector.domain.model import TenantId, UserId
from connector.foundation.observe import current_request_id
from connector.mail.render import MailRenderer
from scim_server.blueprint import scim_blueprint
from tests.support.builders import ACME, NOW
from tests.support.fake_idp import FakeIdentityProvider, FakeIdentityProviders
from tests.support.fake_mailer import FakeMailer
from tests.support.plant import FakeLinks, Plant
from tests.support.web import an_app

ID = "from-the-idp.42"
SECRET = "usher_the-token-of-entra"
CANARIES = ("ada.lovelace", "Lovelace", SECRET, "s3cret-canary")
ADA = {
    "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
    "userName": "ada.lovelace@acme.example",
    "password": "s3cret-canary",
    "name": {"givenName": "Ada", "familyName": "Lovelace"},
    "emails": [{"value": "ada.lovelace@acme.example", "type": "work", "primary": True}],
}


class Listening(FakeIdentityProvider):
    """Keeps the request id that each call was made under, as the real one's header has it."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: set[str] = set()

    @contextmanager
    def _called(self, method: str, subject: str) -> Iterator[None]:
        self.heard.add(current_request_id())
        with super()._called(method, subject):
            yield


class House(Plant):
    """SCIM before the plant, with real mails behind it."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.keycloak, self.mailer = Listening(), FakeMailer()
        self.accounts = Accounts(self.service, FakeIdentityProviders({"main": self.keycloak}))
        renderer = MailRenderer(clock=self.clock, default_sender="portal@example.com")
        post = Post(self.service, FakeLinks(), renderer, self.mailer)
        self.performers = Performers(self.service, self.accounts, post, self.followup)
        self.worker = self.another_worker()
        acme = self.tenants.get(ACME)
        assert acme is not None
        self.tenants.put(replace(acme, can_send=True))
        digest = sha256(SECRET.encode()).hexdigest()
        token = Token(
            id="t1", tenant=ACME, name="entra", digest=digest, scope="scim", created_at=NOW, expires_at=None
        )
        with self.store.write() as work:
            work.tokens.add(token)
        blueprint = scim_blueprint(self.service, public_url="https://usher.example.com")
        self.client = an_app(blueprint).test_client()

    def push(self) -> TestResponse:
        headers = {
            "Authorization": f"Bearer {SECRET}",
            "Content-Type": "application/scim+json",
            "X-Request-ID": ID,
        }
        return self.client.post(f"/scim/{ACME}/v2/Users", data=json.dumps(ADA), headers=headers)

    def timeline(self, user: UserId) -> list[Entry]:
        with self.store.read() as work:
            return work.timeline.of(TenantId(ACME), user)


def user_in(answer: TestResponse) -> UserId:
    return UserId(json.loads(answer.data)["id"])


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def test_operation_x5_one_id_goes_from_scim_to_the_outbox_the_timeline_keycloak_and_the_mail(
    house: House,
) -> None:
    answer = house.push()
    assert (answer.status_code, answer.headers["X-Request-ID"]) == (201, ID)
    user = user_in(answer)
    assert {row.effect for row in house.waiting(user)} >= {"sync_account", "send_mail"}
    assert {row.request_id for row in house.waiting(user)} == {ID}
    assert {entry.request_id for entry in house.timeline(user)} == {ID}
    house.worker.drain()
    assert house.keycloak.heard == {ID}
    (mail,) = house.mailer.sent
    assert email.message_from_bytes(mail.message)["Usher-Request-Id"] == ID


def test_operation_x4_each_line_on_the_way_carries_the_id_and_the_user_and_no_person(
    house: House, stream: io.StringIO
) -> None:
    user = user_in(house.push())
    house.worker.drain()
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    told = {(line["event"], line["request_id"], line["tenant"], line["user_id"]) for line in lines}
    assert told == {("request", ID, ACME, user), ("effect", ID, ACME, user)}
    (request,) = [line for line in lines if line["event"] == "request"]
    assert (request["route"], request["status"]) == ("/scim/<tenant>/v2/users", 201)
    assert not [canary for canary in CANARIES if canary in stream.getvalue()]


def test_operation_x4_a_caller_who_may_not_enter_has_a_line_with_the_tenant_alone(
    house: House, stream: io.StringIO
) -> None:
    for path in (f"/scim/{ACME}/v2/Users/ada.lovelace", "/scim/Lovelace/v2/Users", "/scim/x"):
        house.client.get(path, headers={"X-Request-ID": ID, "Authorization": f"Bearer {SECRET}x"})
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [(line["route"], line.get("tenant"), line["status"]) for line in lines] == [
        ("/scim/<tenant>/v2/users/{id}", ACME, 401),
        ("/scim/<tenant>/v2/users", None, 401),
        ("/scim/<path:path>", None, 404),
    ]
    assert not [canary for canary in CANARIES if canary in stream.getvalue()]
