"""What the demo writes and sends: its configuration passes Usher's own checks, its bodies are Entra's."""

import io
import json
from pathlib import Path

import pytest

from connector.demo.scim import active_body, create_body
from connector.demo.settings import REALM_KEY, Addresses, write_settings
from connector.demo.sites import ACME, SITES, Site
from connector.demo.steps import PlainSteps, timed
from connector.domain.model import TenantId
from connector.domain.policy import EmailVerification
from connector.foundation.config import ConfigError, load

ENTRA = Path(__file__).parents[1] / "scim" / "data" / "entra"
WHERE = Addresses(
    usher_port=8001,
    keycloak="http://localhost:8002",
    realm="portal",
    portal="http://127.0.0.1:8003",
    smtp_port=8004,
)


def test_the_demos_configuration_is_without_fault_and_has_this_machines_addresses(tmp_path: Path) -> None:
    settings = load(write_settings(tmp_path, WHERE, SITES))
    realm, tenant = settings.realms[REALM_KEY], settings.tenants[TenantId(ACME.tenant)]
    assert settings.public_url == "http://127.0.0.1:8001"
    assert settings.server.port == 8001
    assert (realm.url, realm.realm) == ("http://localhost:8002", "portal")
    assert tenant.portal_url == "http://127.0.0.1:8003/acme"
    assert settings.mail.smtp is not None
    assert settings.mail.smtp.port == 8004


@pytest.mark.parametrize("site", SITES, ids=lambda site: site.tenant)
def test_each_site_has_the_brand_the_language_and_the_way_it_says(site: Site, tmp_path: Path) -> None:
    tenant = load(write_settings(tmp_path, WHERE, SITES)).tenants[TenantId(site.tenant)]
    assert tenant.can_send
    assert tenant.brand.logo is not None
    assert (tenant.name, tenant.locale) == (site.name, site.language)
    assert (tenant.policy.email_verification is EmailVerification.KEYCLOAK) == site.mails_twice


def test_the_sites_differ_in_all_that_the_demo_shows(tmp_path: Path) -> None:
    one, other = load(write_settings(tmp_path, WHERE, SITES)).tenants.values()
    assert one.brand.logo != other.brand.logo
    assert one.brand.primary != other.brand.primary
    assert one.locale != other.locale
    assert one.policy.email_verification is not other.policy.email_verification


def test_a_configuration_that_is_there_is_not_touched(tmp_path: Path) -> None:
    path = write_settings(tmp_path, WHERE, [ACME])
    before = path.read_bytes()
    with pytest.raises(ConfigError):
        write_settings(tmp_path, WHERE, [ACME])
    assert path.read_bytes() == before


def test_the_body_of_a_new_user_has_the_shape_that_entra_documents() -> None:
    documented = json.loads((ENTRA / "create_user.json").read_text())
    sent = create_body("ada@acme.example", "Ada", "Lovelace")
    assert sent.keys() <= documented.keys()
    assert sent["schemas"] == documented["schemas"]
    for part in ("meta", "name"):
        assert sent[part] == documented[part]
    assert sent["emails"][0].keys() == documented["emails"][0].keys()


def test_the_body_of_a_deactivation_is_entras() -> None:
    documented = json.loads((ENTRA / "disable_user_aadoptscim062020.json").read_text())
    assert active_body(active=False)["schemas"] == documented["schemas"]
    (sent,), (expected,) = active_body(active=False)["Operations"], documented["Operations"]
    assert {**sent, "op": sent["op"].lower()} == expected


def test_a_pipe_gets_one_line_a_kind_of_work_and_none_for_what_is_brief() -> None:
    out = io.StringIO()
    steps = PlainSteps(out)
    for done in (1, 2):
        steps.working(f"Downloading: {done} of 2 MB")
    steps.working("a glance", brief=True)
    with timed(steps, "Keycloak runs"):
        steps.working("Starting Keycloak")
    lines = out.getvalue().splitlines()
    assert lines[:2] == ["… Downloading", "… Starting Keycloak"]
    assert lines[2].startswith("ok ")
    assert lines[2].endswith(" s  Keycloak runs")


def test_what_fails_is_not_said_to_be_done() -> None:
    out = io.StringIO()
    with pytest.raises(ValueError, match="no"), timed(PlainSteps(out), "done"):
        raise ValueError("no")
    assert out.getvalue() == ""
