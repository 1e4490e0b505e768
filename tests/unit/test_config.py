"""The way from a configuration file to settings."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from connector.domain.model import Brand, Sender, State, Tenant, TenantId
from connector.domain.policy import EmailVerification, Policy
from connector.foundation.config import ConfigError, Fence, Handover, Settings, json_schema, load
from connector.foundation.config_form import Form
from connector.foundation.config_model import ConfigFile
from tests.support.configs import SMALL, TENANT, changed, line_of, write_config

EXAMPLE = Path(__file__).parents[2] / "config.example.yaml"


def settings(folder: Path, text: str = SMALL) -> Settings:
    return load(write_config(folder, text))


def tenant_with(folder: Path, *lines: str) -> Tenant:
    text = SMALL + "".join(f"    {line}\n" for line in lines)
    return settings(folder, text).tenants[TenantId("acme")]


# --- the small file --------------------------------------------------------------------------------


def test_paths_are_relative_to_the_file_wherever_one_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_config(tmp_path)
    monkeypatch.chdir(tmp_path.parent)
    loaded = load(Path(tmp_path.name) / "config.yaml")
    assert loaded.keys == tmp_path / "keys"
    assert loaded.database == f"sqlite:///{tmp_path}/usher.db"
    assert loaded.mail.files == tmp_path / "mails"
    assert loaded.realms["main"].runtime.client_secret.path == tmp_path / "secrets" / "runtime"


def test_an_absolute_path_stays_as_it_is(tmp_path: Path) -> None:
    text = changed("sqlite:///usher.db", "sqlite:////var/lib/usher/usher.db")
    assert settings(tmp_path, text).database == "sqlite:////var/lib/usher/usher.db"


def test_a_realm_knows_its_key(tmp_path: Path) -> None:
    realm = settings(tmp_path).realms["main"]
    assert (realm.key, realm.realm, realm.url) == ("main", "portal", "https://sso.example.com")
    assert (realm.fence, realm.handover) == (Fence.STRICT, Handover.BROKER)


@pytest.mark.parametrize(
    ("written", "wanted"),
    [
        ("https://usher.example.com/", "https://usher.example.com"),
        ("https://Usher.Example.com:8443", "https://usher.example.com:8443"),
        ("http://localhost:8000", "http://localhost:8000"),
        ("http://127.0.0.1:8000/", "http://127.0.0.1:8000"),
    ],
)
def test_control_i13_the_public_url_is_a_bare_origin(tmp_path: Path, written: str, wanted: str) -> None:
    text = changed("https://usher.example.com", written)
    assert settings(tmp_path, text).public_url == wanted


def test_a_tenant_without_more_has_every_default(tmp_path: Path) -> None:
    assert settings(tmp_path).tenants == {
        "acme": Tenant(
            id=TenantId("acme"),
            name="Acme GmbH",
            realm="main",
            portal_url="https://portal.example.com/acme",
        )
    }


def test_brand_and_sender_become_the_domains_values(tmp_path: Path) -> None:
    tenant = tenant_with(
        tmp_path,
        'brand: {primary: "#036", accent: "#FFCC00", support: help@acme.example, footer: " Acme "}',
        "sender: {address: portal@acme.example, from_name: Acme Portal, reply_to: help@acme.example}",
    )
    assert tenant.brand == Brand(
        primary="#003366", accent="#ffcc00", support="help@acme.example", footer="Acme"
    )
    assert tenant.sender == Sender(
        address="portal@acme.example", from_name="Acme Portal", reply_to="help@acme.example"
    )


@pytest.mark.parametrize(
    ("allowed", "own", "can"),
    [("true", "{}", True), ("false", "{}", False), ("false", "{address: a@acme.example}", True)],
)
def test_seed_c8_a_tenant_can_send_with_its_own_address_or_the_installations_where_allowed(
    tmp_path: Path, allowed: str, own: str, can: bool
) -> None:
    text = changed("allow_default_sender: true", f"allow_default_sender: {allowed}")
    loaded = settings(tmp_path, text + f"    sender: {own}\n")
    assert loaded.tenants[TenantId("acme")].can_send is can


def test_the_tenants_own_keys_stand_over_its_preset(tmp_path: Path) -> None:
    tenant = tenant_with(
        tmp_path,
        "preset: lti",
        "policy: {invitation_life: 3d, email_verification: invitation, email_change: verified}",
    )
    assert tenant.policy.invitation_life == 3 * 86400
    assert tenant.policy.email_verification is EmailVerification.INVITATION
    assert tenant.policy.email_change == "verified"
    assert tenant.policy.delete == "forbidden", "the preset's"


def test_the_labels_are_the_presets_words(tmp_path: Path) -> None:
    text = SMALL + "    preset: mitratech\n"
    labels = settings(tmp_path, text).labels[TenantId("acme")]
    assert labels[State.PENDING] == "Portal Access Pending"


def test_without_a_preset_the_labels_are_the_states_own_names(tmp_path: Path) -> None:
    labels = settings(tmp_path).labels[TenantId("acme")]
    assert labels[State.PENDING] == "Pending"
    assert labels.keys() == set(State) - {State.ABSENT}


def test_scim_settings_reach_the_tenant(tmp_path: Path) -> None:
    tenant = tenant_with(
        tmp_path, "scim: {profile: entra, switches: {a: b}, expose_state: true, discovery_public: true}"
    )
    assert (tenant.scim_profile, tenant.scim_switches) == ("entra", {"a": "b"})
    assert (tenant.expose_state, tenant.discovery_public) == (True, True)


def test_another_rooms_rule_on_a_tenant_is_a_fault_with_a_line(tmp_path: Path) -> None:
    text = SMALL + "    scim: {switches: {a: b}}\n"

    def refuse(tenant: Tenant) -> None:
        raise ValueError(f"{tenant.id} must not")

    with pytest.raises(ConfigError) as caught:
        load(write_config(tmp_path, text), checks=[refuse])
    (fault,) = caught.value.faults
    assert (fault.line, fault.where) == (line_of("scim:", text), "tenants.acme.scim")
    assert fault.message == "acme must not"


# --- included tenants ------------------------------------------------------------------------------


def test_an_included_file_is_a_tenant_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "tenants").mkdir()
    (tmp_path / "tenants" / "globex.yaml").write_text(TENANT)
    loaded = settings(tmp_path, SMALL + "include: tenants/*.yaml\n")
    assert list(loaded.tenants) == ["acme", "globex"]
    assert loaded.tenants[TenantId("globex")].name == "Globex"


def test_all_tenants_may_be_included(tmp_path: Path) -> None:
    (tmp_path / "globex.yaml").write_text(TENANT)
    text = SMALL[: SMALL.index("tenants:")] + "include: [globex.yaml]\n"
    assert list(settings(tmp_path, text).tenants) == ["globex"]


def test_a_pattern_that_matches_nothing_yet_is_no_fault(tmp_path: Path) -> None:
    assert list(settings(tmp_path, SMALL + "include: tenants/*.yaml\n").tenants) == ["acme"]


# --- own mappings ----------------------------------------------------------------------------------


def test_an_own_mapping_takes_the_shipped_ones_place_file_by_file(tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.mkdir()
    (own / "portal-user.yaml").write_text(
        'user_name: "{tenant}:{userName}"\nattributes: {usher.id: "{tenant}:{id}"}\n'
    )
    mapping = settings(tmp_path, SMALL + "mappings: own\n").mapping
    assert mapping.user_name == "{tenant}:{userName}"
    assert mapping.rules[State.PENDING].required_actions == {"VERIFY_EMAIL", "UPDATE_PASSWORD"}


# --- what it shows ---------------------------------------------------------------------------------


def test_show_spells_every_setting_as_a_file_would(tmp_path: Path) -> None:
    shown = settings(tmp_path, SMALL + "    preset: zoho\n").show()
    assert shown["handover"]["checks"] == ["2m", "10m", "30m"]
    assert shown["mail"]["from"] == "portal@example.com"
    assert shown["tenants"]["acme"]["policy"]["bulk"] == ["resend"], "the preset's"
    assert shown["tenants"]["acme"]["policy"]["sign_in"] == "local"


def test_what_show_says_loads_again_to_the_same(tmp_path: Path) -> None:
    first = load(EXAMPLE)
    with (tmp_path / "again.yaml").open("w") as file:
        YAML(typ="safe").dump(first.show(), file)
    again = load(tmp_path / "again.yaml")
    assert again.tenants == first.tenants
    assert (again.handover, again.limits, again.worker) == (first.handover, first.limits, first.worker)


def test_the_schema_knows_every_key(tmp_path: Path) -> None:
    schema = json_schema()
    assert schema["properties"].keys() == _keys(ConfigFile)
    assert schema["additionalProperties"] is False
    assert "sign_in" in schema["$defs"]["PolicyForm"]["properties"]


# --- the example -----------------------------------------------------------------------------------


def _keys(form: type[Form]) -> set[str]:
    return {field.alias or name for name, field in form.model_fields.items()}


def _forms(form: type[Form] = ConfigFile) -> Iterator[type[Form]]:
    yield form
    for field in form.model_fields.values():
        for part in re.findall(r"[A-Za-z]+(?:Form|Settings)\b", repr(field.annotation)):
            yield from _forms(next(f for f in _all_forms(Form) if f.__name__ == part))


def _all_forms(form: type[Form]) -> Iterator[type[Form]]:
    for child in form.__subclasses__():
        yield child
        yield from _all_forms(child)


def test_the_example_is_legal_and_shows_the_defaults() -> None:
    example = load(EXAMPLE)
    assert example.tenants[TenantId("acme")].policy == Policy()
    for name in ("handover", "limits", "worker", "server", "management"):
        assert getattr(example, name) == type(getattr(example, name))(), name


FORMS = {form.__name__: form for form in _forms()}


@pytest.mark.parametrize("name", sorted(FORMS))
def test_the_example_explains_every_key(name: str) -> None:
    text = EXAMPLE.read_text(encoding="utf-8")
    missing = {key for key in _keys(FORMS[name]) if not re.search(rf"\b{key}:", text)}
    assert not missing


def test_the_example_has_a_comment_before_or_beside_every_group_of_keys() -> None:
    lines = EXAMPLE.read_text(encoding="utf-8").splitlines()
    assert sum(line.lstrip().startswith("#") for line in lines) > len(lines) / 3
