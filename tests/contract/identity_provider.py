"""What every ``IdentityProvider`` must do. A class that inherits this gives a ``provider`` and the
hands of somebody else at the other side: a person, an administrator.
"""

from abc import ABC, abstractmethod
from dataclasses import replace
from uuid import uuid4

import pytest

from connector.application.ports import IdentityProvider
from connector.domain.account import Account, DesiredAccount
from connector.domain.errors import Exists, Gone, Linked, Rejected
from connector.domain.model import AccountId

NOBODY = AccountId("00000000-0000-4000-8000-000000000000")
OUR_ACTIONS = frozenset({"UPDATE_PASSWORD", "VERIFY_EMAIL"})


def somebody(tenant: str = "acme", **values: object) -> DesiredAccount:
    """A wanted account nobody else has, in the middle of its invitation."""
    user = uuid4()
    fields: dict[str, object] = {
        "usher_id": f"{tenant}:{user}",
        "user_name": f"ann-{user}",
        "email": f"ann-{user}@example.com",
        "given_name": "Ann",
        "family_name": "Archer",
        "enabled": True,
        "required_actions": OUR_ACTIONS,
        "attributes": {"usher.tenant": tenant, "usher.state": "pending"},
    }
    return DesiredAccount(**{**fields, **values})  # type: ignore[arg-type]  # values of mixed types


class IdentityProviderContract(ABC):
    """The tests. Accounts are new in each, so one realm may serve them all."""

    @pytest.fixture
    @abstractmethod
    def provider(self) -> IdentityProvider:
        """The provider under test; its own actions are ``OUR_ACTIONS``."""

    @abstractmethod
    def edit(self, account: AccountId, **fields: object) -> None:
        """Save fields of the user representation as an administrator would."""

    @abstractmethod
    def give_password(self, account: AccountId) -> None:
        """Give the account a password as its owner would."""

    # --- creating and finding ---

    def test_a_created_account_is_as_it_was_wanted(self, provider: IdentityProvider) -> None:
        wanted = somebody()
        account = provider.get(provider.create(wanted))
        assert (account.user_name, account.email) == (wanted.user_name, wanted.email)
        assert (account.given_name, account.family_name) == ("Ann", "Archer")
        assert account.enabled
        assert not account.email_verified
        assert account.required_actions == OUR_ACTIONS
        assert account.usher_id == wanted.usher_id
        assert account.attributes["usher.state"] == ("pending",)
        assert not account.locked_out

    def test_an_account_is_created_disabled_and_verified_if_wanted_so(
        self, provider: IdentityProvider
    ) -> None:
        wanted = somebody(enabled=False, email_verified=True, required_actions=None)
        account = provider.get(provider.create(wanted))
        assert not account.enabled
        assert account.email_verified
        assert account.required_actions == frozenset()

    def test_an_account_is_found_by_its_usher_id(self, provider: IdentityProvider) -> None:
        wanted = somebody()
        created = provider.create(wanted)
        found = provider.find(wanted.usher_id)
        assert found is not None
        assert found.id == created

    def test_an_account_is_not_found_by_an_usher_id_in_other_case(self, provider: IdentityProvider) -> None:
        wanted = somebody()
        provider.create(wanted)
        assert provider.find(wanted.usher_id.upper()) is None

    def test_the_same_user_id_of_another_tenant_is_not_found(self, provider: IdentityProvider) -> None:
        wanted = somebody("acme")
        provider.create(wanted)
        assert provider.find(wanted.usher_id.replace("acme:", "globex:")) is None

    def test_no_usher_id_breaks_the_search(self, provider: IdentityProvider) -> None:
        assert provider.find('acme:" usher.tenant:"acme') is None
        assert provider.find("acme:\\") is None

    def test_a_taken_user_name_is_said_to_exist(self, provider: IdentityProvider) -> None:
        first = somebody()
        provider.create(first)
        with pytest.raises(Exists):
            provider.create(somebody(user_name=first.user_name.upper()))

    def test_a_taken_address_is_said_to_exist(self, provider: IdentityProvider) -> None:
        first = somebody()
        provider.create(first)
        with pytest.raises(Exists):
            provider.create(somebody(email=first.email))

    def test_getting_what_is_not_there_raises_gone(self, provider: IdentityProvider) -> None:
        with pytest.raises(Gone):
            provider.get(NOBODY)

    # --- updating ---

    def test_an_account_as_wanted_is_not_written(self, provider: IdentityProvider) -> None:
        wanted = somebody()
        account = provider.get(provider.create(wanted))
        assert provider.update(account, wanted) is False

    def test_a_user_name_in_capitals_is_not_written_again(self, provider: IdentityProvider) -> None:
        wanted = somebody()
        loud = replace(wanted, user_name=wanted.user_name.upper(), email=wanted.email.upper())
        account = provider.get(provider.create(loud))
        assert provider.update(account, loud) is False

    def test_what_differs_is_written_and_all_else_stays(self, provider: IdentityProvider) -> None:
        account = self._created(provider)
        changed = replace(self.wanted, enabled=False, given_name="Anna")
        assert provider.update(account, changed) is True
        after = provider.get(account.id)
        assert after == replace(account, enabled=False, given_name="Anna")

    def test_changed_attributes_leave_names_address_and_foreign_attributes(
        self, provider: IdentityProvider
    ) -> None:
        account = self._created(provider)
        self.edit(
            account.id,
            username=account.user_name,
            email=account.email,
            firstName="Ann",
            lastName="Archer",
            attributes={**_lists(account), "locale": ["de"]},
        )
        changed = replace(self.wanted, attributes={"usher.tenant": "acme", "usher.state": "active"})
        assert provider.update(provider.get(account.id), changed) is True
        after = provider.get(account.id)
        assert after.attributes["usher.state"] == ("active",)
        assert after.attributes["locale"] == ("de",)
        assert (after.email, after.given_name, after.family_name) == (
            account.email,
            "Ann",
            "Archer",
        )

    def test_an_attribute_that_an_administrator_changed_is_put_right(
        self, provider: IdentityProvider
    ) -> None:
        account = self._created(provider)
        self.edit(
            account.id,
            username=account.user_name,
            email=account.email,
            firstName="Ann",
            lastName="Archer",
            attributes={**_lists(account), "usher.state": ["draft"]},
        )
        assert provider.update(provider.get(account.id), self.wanted) is True
        assert provider.get(account.id).attributes["usher.state"] == ("pending",)

    def test_an_empty_attribute_is_taken_away(self, provider: IdentityProvider) -> None:
        account = self._created(provider)
        changed = replace(self.wanted, attributes={"usher.tenant": "acme", "usher.state": ""})
        assert provider.update(account, changed) is True
        assert "usher.state" not in provider.get(account.id).attributes

    def test_a_changed_address_is_not_verified_any_more(self, provider: IdentityProvider) -> None:
        account = self._created(provider, email_verified=True)
        other = f"new-{account.email}"
        provider.update(account, replace(self.wanted, email=other, email_verified=None))
        after = provider.get(account.id)
        assert (after.email, after.email_verified) == (other, False)

    def test_a_changed_address_is_verified_if_wanted_so(self, provider: IdentityProvider) -> None:
        account = self._created(provider)
        other = f"new-{account.email}"
        provider.update(account, replace(self.wanted, email=other, email_verified=True))
        assert provider.get(account.id).email_verified

    def test_verification_is_left_alone_if_nothing_is_wanted_of_it(
        self, provider: IdentityProvider
    ) -> None:
        account = self._created(provider)
        self.edit(account.id, emailVerified=True)
        assert provider.update(provider.get(account.id), self.wanted) is False

    def test_our_actions_are_replaced_and_foreign_ones_stay(self, provider: IdentityProvider) -> None:
        account = self._created(provider)
        self.edit(account.id, requiredActions=["UPDATE_PASSWORD", "CONFIGURE_TOTP"])
        account = provider.get(account.id)
        provider.update(account, replace(self.wanted, required_actions=frozenset({"VERIFY_EMAIL"})))
        after = provider.get(account.id).required_actions
        assert after == {"VERIFY_EMAIL", "CONFIGURE_TOTP"}

    def test_required_actions_are_left_alone_if_nothing_is_wanted_of_them(
        self, provider: IdentityProvider
    ) -> None:
        account = self._created(provider)
        assert provider.update(account, replace(self.wanted, required_actions=None)) is False

    def test_a_taken_address_cannot_be_changed_to(self, provider: IdentityProvider) -> None:
        other = somebody()
        provider.create(other)
        account = self._created(provider)
        with pytest.raises(Exists):
            provider.update(account, replace(self.wanted, email=other.email))

    def test_updating_what_is_not_there_raises_gone(self, provider: IdentityProvider) -> None:
        account = self._created(provider)
        provider.delete(account.id)
        with pytest.raises(Gone):
            provider.update(account, replace(self.wanted, enabled=False))

    # --- ending ---

    def test_a_deleted_account_is_gone_and_deleting_again_is_fine(self, provider: IdentityProvider) -> None:
        account = self._created(provider)
        provider.delete(account.id)
        provider.delete(account.id)
        with pytest.raises(Gone):
            provider.get(account.id)

    def test_ending_sessions_is_fine_without_any_and_without_an_account(
        self, provider: IdentityProvider
    ) -> None:
        account = self._created(provider)
        provider.end_sessions(account.id)
        provider.end_sessions(account.id)
        provider.end_sessions(NOBODY)

    # --- credentials ---

    def test_a_password_is_listed_with_its_age_in_seconds(self, provider: IdentityProvider) -> None:
        account = self._created(provider)
        assert list(provider.credentials(account.id)) == []
        self.give_password(account.id)
        (credential,) = provider.credentials(account.id)
        assert credential.type == "password"
        assert credential.signs_in
        assert credential.created_at < 10_000_000_000

    def test_a_credential_is_removed_and_removing_again_is_fine(self, provider: IdentityProvider) -> None:
        account = self._created(provider)
        self.give_password(account.id)
        (credential,) = provider.credentials(account.id)
        provider.remove_credential(account.id, credential.id)
        provider.remove_credential(account.id, credential.id)
        provider.remove_credential(NOBODY, credential.id)
        assert list(provider.credentials(account.id)) == []

    def test_credentials_of_what_is_not_there_raise_gone(self, provider: IdentityProvider) -> None:
        with pytest.raises(Gone):
            provider.credentials(NOBODY)

    # --- links ---

    def test_a_link_ties_and_untying_again_is_fine(self, provider: IdentityProvider) -> None:
        account = self._created(provider).id
        assert provider.linked_sub(account) is None
        provider.link(account, uuid4().hex, "Ann")
        assert provider.linked_sub(account) is not None
        provider.unlink(account)
        provider.unlink(account)
        provider.unlink(NOBODY)
        assert provider.linked_sub(account) is None

    def test_a_second_link_is_refused_and_the_first_stays(self, provider: IdentityProvider) -> None:
        account = self._created(provider).id
        sub = uuid4().hex
        provider.link(account, sub, "Ann")
        with pytest.raises(Linked):
            provider.link(account, uuid4().hex, "Ann")
        assert provider.linked_sub(account) == sub

    def test_linking_what_is_not_there_raises_gone(self, provider: IdentityProvider) -> None:
        with pytest.raises(Gone):
            provider.link(NOBODY, uuid4().hex, "Ann")

    def test_only_linked_accounts_are_listed(self, provider: IdentityProvider) -> None:
        linked, other = self._created(provider).id, self._created(provider).id
        provider.link(linked, uuid4().hex, "Ann")
        listed = list(provider.linked_accounts())
        assert linked in listed
        assert other not in listed
        provider.unlink(linked)
        assert linked not in list(provider.linked_accounts())

    # --- mail ---

    def test_a_reset_for_what_is_not_there_raises_gone(self, provider: IdentityProvider) -> None:
        with pytest.raises(Gone):
            provider.mail_password_reset(NOBODY)

    def test_an_invitation_for_what_is_not_there_raises_gone(self, provider: IdentityProvider) -> None:
        with pytest.raises(Gone):
            provider.mail_invitation(NOBODY, OUR_ACTIONS, life=3600, client="", back_to="")

    def test_an_invitation_for_a_disabled_account_is_rejected(self, provider: IdentityProvider) -> None:
        account = self._created(provider, enabled=False).id
        with pytest.raises(Rejected):
            provider.mail_invitation(account, OUR_ACTIONS, life=3600, client="", back_to="")

    def test_an_invitation_leaves_the_account_as_it_is(self, provider: IdentityProvider) -> None:
        account = self._created(provider)
        provider.mail_invitation(account.id, OUR_ACTIONS, life=3600, client="", back_to="")
        assert provider.get(account.id) == account

    def _created(self, provider: IdentityProvider, **values: object) -> Account:
        self.wanted = somebody(**values)  # type: ignore[arg-type]  # values of mixed types
        return provider.get(provider.create(self.wanted))


def _lists(account: Account) -> dict[str, list[str]]:
    return {name: list(values) for name, values in account.attributes.items()}
