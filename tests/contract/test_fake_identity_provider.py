"""The fake identity provider keeps the contract of the real one."""

import pytest

from connector.domain.errors import Unavailable
from connector.domain.model import AccountId
from tests.contract.identity_provider import OUR_ACTIONS, IdentityProviderContract, somebody
from tests.support.fake_idp import FakeIdentityProvider, FakeIdentityProviders


class TestFakeIdentityProvider(IdentityProviderContract):
    """The fake, held to the contract."""

    @pytest.fixture
    def provider(self) -> FakeIdentityProvider:
        self.fake = FakeIdentityProvider(OUR_ACTIONS)
        return self.fake

    def edit(self, account: AccountId, **fields: object) -> None:
        self.fake.edit(account, **fields)

    def give_password(self, account: AccountId) -> None:
        self.fake.give_credential(account)


def test_a_told_failure_happens_as_often_as_told() -> None:
    fake = FakeIdentityProvider()
    fake.fail("create", Unavailable("down"), times=2)
    for _ in range(2):
        with pytest.raises(Unavailable):
            fake.create(somebody())
    fake.create(somebody())
    assert len(fake.accounts()) == 1


def test_a_lost_reply_comes_after_the_work() -> None:
    fake = FakeIdentityProvider()
    fake.fail("create", Unavailable("down"), reply_lost=True)
    wanted = somebody()
    with pytest.raises(Unavailable):
        fake.create(wanted)
    assert fake.find(wanted.usher_id) is not None


def test_a_lock_out_shows_and_is_not_lifted_by_an_update() -> None:
    fake = FakeIdentityProvider()
    wanted = somebody()
    account = fake.create(wanted)
    fake.lock_out(account)
    assert fake.get(account).locked_out
    assert fake.update(fake.get(account), wanted) is False
    assert not fake.get(account).enabled


def test_sessions_end() -> None:
    fake = FakeIdentityProvider()
    account = fake.create(somebody())
    fake.sign_in(account)
    fake.end_sessions(account)
    assert fake.sessions(account) == 0


def test_calls_are_recorded_in_order() -> None:
    fake = FakeIdentityProvider()
    wanted = somebody()
    account = fake.create(wanted)
    fake.unlink(account)
    assert fake.calls == [("create", wanted.usher_id), ("unlink", account)]
    assert fake.called("unlink") == [account]


def test_an_unknown_realm_is_a_key_error() -> None:
    providers = FakeIdentityProviders({"main": FakeIdentityProvider()})
    with pytest.raises(KeyError):
        providers.of("other")
