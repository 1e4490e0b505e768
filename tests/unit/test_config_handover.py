"""How a realm's people come in, and what cannot stand beside that."""

from pathlib import Path

import pytest

from connector.domain.model import Handover
from connector.foundation.config import ConfigError, load
from tests.support.configs import SMALL, changed, write_config

SECRETS = """\
      invite_client_secret: file:secrets/invite
      provider_client_secret: file:secrets/provider
"""
MAILED = changed(SECRETS, "      handover: keycloak_mail\n")
PORTAL = "    portal_url: https://portal.example.com/acme\n"


def beside(more: str, text: str = MAILED) -> str:
    """The configuration with more lines for its tenant."""
    return changed(PORTAL, f"{PORTAL}    {more}\n", text)


def faults_of(folder: Path, text: str) -> list[tuple[str, str]]:
    with pytest.raises(ConfigError) as caught:
        load(write_config(folder, text))
    return [(fault.where, fault.message) for fault in caught.value.faults]


def test_where_keycloak_mails_no_client_of_ours_needs_a_secret(tmp_path: Path) -> None:
    settings = load(write_config(tmp_path, beside("portal_client: portal")))
    realm, (tenant,) = settings.realms["main"], settings.tenants.values()
    assert not realm.is_brokered
    assert settings.brokered_realms == {}
    assert (tenant.handover, tenant.portal_client) == (Handover.KEYCLOAK_MAIL, "portal")
    with pytest.raises(ConfigError, match="no secret is configured"):
        realm.invite_client_secret.read()
    shown = settings.show()["keycloak"]["realms"]["main"]
    assert (shown["handover"], shown["invite_client_secret"]) == ("keycloak_mail", None)


def test_without_a_word_people_come_through_our_provider(tmp_path: Path) -> None:
    settings = load(write_config(tmp_path))
    (tenant,) = settings.tenants.values()
    assert tenant.handover is Handover.BROKER
    assert set(settings.brokered_realms) == {"main"}


@pytest.mark.parametrize("name", ["invite_client_secret", "provider_client_secret"])
def test_our_provider_needs_both_secrets(tmp_path: Path, name: str) -> None:
    line = next(line for line in SECRETS.splitlines(keepends=True) if name in line)
    ((where, message),) = faults_of(tmp_path, changed(line, ""))
    assert (where, message) == ("keycloak.realms.main", f"handover: broker needs {name}")


@pytest.mark.parametrize(
    ("text", "where", "part"),
    [
        (
            beside("policy: {link_use: first_press}"),
            "tenants.acme.policy.link_use",
            "first_press cannot stand beside handover keycloak_mail",
        ),
        (
            beside("policy: {email_verification: invitation}"),
            "tenants.acme.policy.email_verification",
            "must be keycloak beside handover keycloak_mail",
        ),
        (beside("preset: creatio"), "tenants.acme.policy.link_use", "first_press cannot stand"),
        (beside("portal_client: portal", SMALL), "tenants.acme.portal_client", "has no use"),
    ],
)
def test_what_cannot_stand_beside_the_realms_way_in_is_named(
    tmp_path: Path, text: str, where: str, part: str
) -> None:
    ((found, message),) = faults_of(tmp_path, text)
    assert found == where
    assert part in message
    assert "realm 'main'" in message
