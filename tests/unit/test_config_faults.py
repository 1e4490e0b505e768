"""Everything wrong with a configuration is said at once, each with its file, its line and what to do."""

from pathlib import Path

import pytest

from connector.foundation.config import ConfigError, Fault, load
from tests.support.configs import SMALL, TENANT, changed, line_of, write_config

REALM = "    realm: main"
URL = "https://portal.example.com/acme"


def faults_of(folder: Path, text: str) -> tuple[Fault, ...]:
    with pytest.raises(ConfigError) as caught:
        load(write_config(folder, text))
    return caught.value.faults


# One row a fault: what stands in the file in place of what, the word in whose line the fault must be, its
# key, and a part of its sentence.
FAULTS = [
    # keys
    ("keys: keys/", "keys: keys/\nsever: {}", "sever", "sever", "did you mean 'server'?"),
    ("keys: keys/", "", "public_url", "keys", "is missing"),
    ("keys: keys/", "keys: 7", "keys: 7", "keys", "must be a path"),
    (REALM, f"{REALM}\n    polici: {{}}", "polici", "tenants.acme.polici", "did you mean 'policy'?"),
    (REALM, f"{REALM}\n    7: x", "7: x", "tenants.acme.7", "put the key in quotes"),
    (
        "      realm: portal",
        "      fense: off\n      realm: portal",
        "fense",
        "keycloak.realms.main.fense",
        "did you mean 'fence'?",
    ),
    # values of the wrong kind
    (URL, f"{URL}\n    name: x", "name: x", "", "duplicate key"),
    (
        "allow_default_sender: true",
        "allow_default_sender: 1",
        "allow_default",
        "mail.allow_default_sender",
        "must be true or false",
    ),
    ("Acme GmbH", "1.5", "1.5", "tenants.acme.name", "put it in quotes"),
    ("Acme GmbH", '""', "name:", "tenants.acme.name", "must not be empty"),
    ("Acme GmbH", '"Acme\\nBcc: x"', "name:", "tenants.acme.name", "one line"),
    ("  acme:\n", "  Acme Inc:\n", "Acme Inc", "tenants.Acme Inc", "a-z, 0-9 and -"),
    # addresses
    ("https://usher.example.com", "http://usher.example.com", "public_url", "public_url", "https://"),
    ("https://usher.example.com", "https://usher.example.com/x", "public_url", "public_url", "path"),
    ("https://usher.example.com", "https://a:b@usher.example.com", "public_url", "public_url", "user"),
    ("https://usher.example.com", "https://usher.example.com?x=1", "public_url", "public_url", "query"),
    ("https://usher.example.com", "usher.example.com", "public_url", "public_url", "must be a URL"),
    ("https://usher.example.com", "https://usher.example.com:x", "public_url", "public_url", "not a URL"),
    (
        "https://sso.example.com",
        "http://sso.example.com",
        "http://sso",
        "keycloak.realms.main.url",
        "https://",
    ),
    (URL, "javascript:alert(1)", "javascript", "tenants.acme.portal_url", "must be a URL"),
    ("portal@example.com", "portal", "from:", "mail.from", "e-mail address"),
    ("portal@example.com", "a..b@example.com", "from:", "mail.from", "e-mail address"),
    ("sqlite:///usher.db", "sqlite://", "database", "database", "sqlite:///FILE"),
    ("sqlite:///usher.db", "mysql://h/d", "database", "database", "postgresql://USER@HOST/DATABASE"),
    ("sqlite:///usher.db", "postgresql://h", "database", "database", "postgresql://USER@HOST/DATABASE"),
    ("sqlite:///usher.db", "postgresql://u:p@h/d", "database", "database", "database_password"),
    ("sqlite:///usher.db", "postgresql://u@h/d?password=p", "database", "database", "database_password"),
    (
        "sqlite:///usher.db",
        "sqlite:///usher.db\ndatabase_password: env:X",
        "database_password",
        "database_password",
        "postgresql://",
    ),
    (
        "sqlite:///usher.db",
        "postgresql://h/d\ndatabase_password: env:X",
        "database_password",
        "database_password",
        "needs a user",
    ),
    # names that must be known
    (REALM, "    realm: mian", "mian", "tenants.acme.realm", "did you mean 'main'?"),
    (REALM, f"{REALM}\n    preset: ltti", "ltti", "tenants.acme.preset", "did you mean 'lti'?"),
    (REALM, f"{REALM}\n    preset: salesforce", "salesforce", "tenants.acme.preset", "there are creatio"),
    (REALM, f"{REALM}\n    locale: xx-YY", "xx-YY", "tenants.acme.locale", "de-AT"),
    (REALM, f"{REALM}\n    time_zone: Europe/Berln", "Berln", "tenants.acme.time_zone", "'Europe/Berlin'?"),
    (REALM, f"{REALM}\n    time_zone: ../../etc/passwd", "passwd", "tenants.acme.time_zone", "time zone"),
    (REALM, f"{REALM}\n    scim: {{profile: google}}", "google", "tenants.acme.scim.profile", "'entra'"),
    (
        "      realm: portal",
        "      realm: portal\n      fence: open",
        "fence",
        "keycloak.realms.main.fence",
        "must be one of 'strict'",
    ),
    (
        "      realm: portal",
        "      realm: portal\n      fence: groups",
        "fence",
        "keycloak.realms.main.fence",
        "not built yet",
    ),
    # brand
    (REALM, f'{REALM}\n    brand: {{primary: "#12"}}', "#12", "tenants.acme.brand.primary", "#003366"),
    (
        REALM,
        f'{REALM}\n    brand: {{primary: "#ffee00"}}',
        "#ffee00",
        "tenants.acme.brand.primary",
        "cannot be read (contrast 1.2",
    ),
    (REALM, f"{REALM}\n    brand: {{accent: red}}", "red", "tenants.acme.brand.accent", "#003366"),
    (
        REALM,
        f"{REALM}\n    brand: {{logo: none.png}}",
        "none.png",
        "tenants.acme.brand.logo",
        "cannot be read",
    ),
    # mail
    (
        "  files: mails/",
        "  smtp: {host: h}\n  files: mails/",
        "mail:",
        "mail",
        "exactly one of smtp and files",
    ),
    ("  files: mails/\n", "", "mail:", "mail", "exactly one of smtp and files"),
    ("  files: mails/", "  smtp: {host: h, user: u}", "smtp", "mail.smtp", "belong together"),
    (
        "  files: mails/",
        "  smtp: {host: h, user: u, password: env:P, tls: none}",
        "smtp",
        "mail.smtp",
        "in the clear",
    ),
    ("  files: mails/", "  smtp: {host: 'smtp://h'}", "smtp", "mail.smtp.host", "host name"),
    ("  files: mails/", "  smtp: {host: h, port: 70000}", "smtp", "mail.smtp.port", "between 1 and 65535"),
    ("  from: portal@example.com\n", "", "mail:", "mail", "allow_default_sender needs from"),
    (
        "  from: portal@example.com\n",
        "  from: portal@example.com\n  bounces: {address: reports-of-mails-that-were-lost-1@example.com}\n",
        "  bounces:",
        "mail.bounces",
        "tagged leaves at most 31 characters",
    ),
    # policy
    (
        REALM,
        f"{REALM}\n    policy: {{invitation_life: 90d}}",
        "90d",
        "tenants.acme.policy.invitation_life",
        "between 1h and 30d",
    ),
    (
        REALM,
        f"{REALM}\n    policy: {{invitation_life: 7}}",
        "life: 7",
        "tenants.acme.policy.invitation_life",
        "must be a duration like",
    ),
    (
        REALM,
        f"{REALM}\n    policy: {{invite: at_start_date}}",
        "invite:",
        "tenants.acme.policy.invite",
        "must be one of 'on_create'",
    ),
    (
        REALM,
        f"{REALM}\n    policy: {{confirm: [deleet]}}",
        "deleet",
        "tenants.acme.policy.confirm",
        "did you mean 'delete'?",
    ),
    (REALM, f"{REALM}\n    policy: {{bulk: [purge]}}", "purge", "tenants.acme.policy.bulk", "no action"),
    (
        REALM,
        f"{REALM}\n    policy: {{org_admin_can: some}}",
        "some",
        "tenants.acme.policy.org_admin_can",
        "must be a list",
    ),
    (
        REALM,
        f"{REALM}\n    policy: {{org_admins: {{min: 2, max: 1}}}}",
        "min: 2",
        "tenants.acme.policy.org_admins",
        "min must not be greater",
    ),
    (
        REALM,
        f"{REALM}\n    policy: {{invitation_life: 5d, reminder: 6d}}",
        "6d",
        "tenants.acme.policy.reminder",
        "shorter than invitation_life",
    ),
    (
        REALM,
        f"{REALM}\n    policy: {{sign_in: {{sso: {{alias: a}}}}, reenable: reinvite}}",
        "reinvite",
        "tenants.acme.policy.reenable",
        "cannot stand beside sign_in sso",
    ),
    (
        REALM,
        f"{REALM}\n    preset: mitratech\n    policy: {{sign_in: {{sso: {{alias: a}}}}}}",
        "sign_in",
        "tenants.acme.policy.reenable",
        "cannot stand beside sign_in sso",
    ),
    (
        REALM,
        f"{REALM}\n    policy: {{sign_in: {{sso: {{}}}}}}",
        "sign_in",
        "tenants.acme.policy.sign_in.sso.alias",
        "is missing",
    ),
    (
        REALM,
        f"{REALM}\n    policy: {{email_domains: {{allow: ['@x']}}}}",
        "@x",
        "tenants.acme.policy.email_domains.allow.0",
        "must be a domain",
    ),
    # how it runs
    ("keys: keys/", "keys: keys/\nworker: {lease: 10s}", "worker", "worker", "three times"),
    ("keys: keys/", "keys: keys/\nworker: {lease: 75s}", "worker", "worker", "longer than account_effect"),
    (
        "keys: keys/",
        "keys: keys/\nworker: {breaker_pause: 10m}",
        "worker",
        "worker",
        "longest_breaker_pause must not be shorter",
    ),
    (
        "keys: keys/",
        "keys: keys/\nmanagement: {port: 8000}",
        "port: 8000",
        "management.port",
        "web server's",
    ),
    (
        "keys: keys/",
        "keys: keys/\nmanagement: {port: 99999}",
        "port: 9",
        "management.port",
        "between 0 and",
    ),
    ("keys: keys/", "keys: keys/\nhandover: {link_life: 45m}", "handover", "handover", "not be longer"),
    ("keys: keys/", "keys: keys/\nhandover: {checks: [9m, 1m]}", "checks", "handover", "must rise"),
    (
        "keys: keys/",
        "keys: keys/\nhandover: {checks: []}",
        "checks",
        "handover.checks",
        "must not be empty",
    ),
    (
        "keys: keys/",
        "keys: keys/\nhandover: {id_token_life: 2m}",
        "id_token",
        "handover.id_token_life",
        "between 1s and 60s",
    ),
    (
        "keys: keys/",
        "keys: keys/\nlimits: {form_body: 5}",
        "form_body",
        "limits.form_body",
        "64KiB or 4MiB",
    ),
    # include
    ("keys: keys/", "keys: keys/\ninclude: none.yaml", "include", "include", "there is no file none.yaml"),
    ("keys: keys/", "keys: keys/\ninclude: /etc/*.yaml", "include", "include", "relative path"),
    ("keys: keys/", "keys: keys/\ninclude: {a: b}", "include", "include", "relative path"),
]


@pytest.mark.parametrize(("old", "new", "word", "where", "part"), FAULTS, ids=[f[1][-50:] for f in FAULTS])
def test_operation_x6_a_fault_has_its_line_its_key_and_says_what_to_do(
    tmp_path: Path, old: str, new: str, word: str, where: str, part: str
) -> None:
    text = changed(old, new)
    (fault,) = faults_of(tmp_path, text)
    assert (fault.file, fault.where) == (tmp_path / "config.yaml", where)
    assert part in fault.message
    assert fault.line == line_of(word, text)


def test_operation_x6_every_fault_of_every_part_comes_at_once(tmp_path: Path) -> None:
    text = changed("https://usher", "http://usher")
    text = changed("      realm: portal", "      realm: portal\n      fense: off", text)
    text = changed("portal@example.com", "portal", text)
    text = changed("Acme GmbH", "7", text) + "    locale: xx\n    policy: {bulk: [x], nonsense: 1}\n"
    text += "  globex:\n    name: Globex\n    realm: man\n"
    text += "limits: {form_body: 1B}\n"
    where = [fault.where for fault in faults_of(tmp_path, text)]
    assert where == [
        "public_url",
        "keycloak.realms.main.fense",
        "mail.from",
        "tenants.acme.name",
        "tenants.acme.locale",
        "tenants.acme.policy.bulk",
        "tenants.acme.policy.nonsense",
        "tenants.globex.portal_url",
        "tenants.globex.realm",
        "limits.form_body",
    ]


def test_what_does_not_fit_together_is_found_beside_what_is_wrong_by_itself(tmp_path: Path) -> None:
    text = SMALL + "    policy: {sign_in: {sso: {alias: a}}, reenable: reinvite, nonsense: 1}\n"
    text += "mail_: 1\n"
    where = {fault.where for fault in faults_of(tmp_path, text)}
    assert where == {"tenants.acme.policy.reenable", "tenants.acme.policy.nonsense", "mail_"}


def test_seed_c17_tenants_of_one_realm_agree_on_password_recovery(tmp_path: Path) -> None:
    text = SMALL + "  globex:\n    name: G\n    realm: main\n    portal_url: https://g.example\n"
    text += "    policy: {password_recovery: false}\n"
    (fault,) = faults_of(tmp_path, text)
    assert fault.where == "tenants.globex.policy.password_recovery"
    assert fault.line == line_of("password_recovery", text)
    assert "tenant 'acme'" in fault.message


def test_two_entries_of_the_same_realm_are_a_fault(tmp_path: Path) -> None:
    first = SMALL[SMALL.index("    main:") : SMALL.index("mail:")]
    text = changed(first, first + first.replace("main:", "second:"))
    (fault,) = faults_of(tmp_path, text)
    assert (fault.where, fault.line) == ("keycloak.realms.second", line_of("second:", text))


def test_a_configuration_without_tenants_is_a_fault(tmp_path: Path) -> None:
    (fault,) = faults_of(tmp_path, SMALL[: SMALL.index("tenants:")])
    assert (fault.where, fault.message) == ("tenants", "is missing")


# --- files -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "line", "part"),
    [
        ("a: [1", 1, "is not YAML"),
        ("a: 1\nb: c: d\n", 2, "is not YAML"),
        ("- a\n", 1, "must hold keys and values"),
        ("", 1, "must hold keys and values"),
        ("a: " + "[" * 600, 0, "is not YAML"),
    ],
    ids=["unclosed", "colon", "list", "empty", "deep"],
)
def test_a_file_that_is_no_mapping_is_one_fault(tmp_path: Path, text: str, line: int, part: str) -> None:
    (fault,) = faults_of(tmp_path, text)
    assert fault.line == line
    assert part in fault.message


def test_a_file_that_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.yaml: cannot be read: No such file"):
        load(tmp_path / "none.yaml")


def test_a_file_that_is_not_utf8_says_so(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_bytes(SMALL.replace("GmbH", "é").encode("latin-1"))
    with pytest.raises(ConfigError, match="is not YAML"):
        load(path)


def test_a_value_that_came_by_a_merge_key_is_shown_at_the_part_it_is_in(tmp_path: Path) -> None:
    text = SMALL + "    <<: {locale: xx}\n"
    (fault,) = faults_of(tmp_path, text)
    assert (fault.where, fault.line) == ("tenants.acme.locale", line_of("  acme:", text))


# --- included files --------------------------------------------------------------------------------


def included(folder: Path, name: str, text: str) -> Path:
    (folder / "tenants").mkdir(exist_ok=True)
    path = folder / "tenants" / name
    path.write_text(text)
    return path


WITH_MORE = SMALL + "include: tenants/*.yaml\n"


def test_a_fault_in_an_included_file_names_that_file_and_its_line(tmp_path: Path) -> None:
    path = included(tmp_path, "globex.yaml", TENANT + "policy:\n  bulk: [x]\n")
    (fault,) = faults_of(tmp_path, WITH_MORE)
    assert (fault.file, fault.line, fault.where) == (path, 5, "tenants.globex.policy.bulk")


def test_something_missing_in_an_included_file_names_that_file(tmp_path: Path) -> None:
    path = included(tmp_path, "globex.yaml", "name: Globex\nrealm: main\n")
    (fault,) = faults_of(tmp_path, WITH_MORE)
    assert (fault.file, fault.line, fault.where) == (path, 1, "tenants.globex.portal_url")


def test_a_tenant_in_two_files_is_a_fault_that_names_both(tmp_path: Path) -> None:
    path = included(tmp_path, "acme.yaml", TENANT)
    (fault,) = faults_of(tmp_path, WITH_MORE)
    assert fault.file == path
    assert str(tmp_path / "config.yaml") in fault.message


def test_an_included_file_that_is_broken_hides_no_other_fault(tmp_path: Path) -> None:
    broken = included(tmp_path, "broken.yaml", "a: [")
    other = included(tmp_path, "globex.yaml", TENANT + "locale: xx\n")
    assert [fault.file for fault in faults_of(tmp_path, WITH_MORE)] == [broken, other]


def test_a_fault_in_a_mapping_comes_beside_nothing_else_lost(tmp_path: Path) -> None:
    (tmp_path / "portal-user.yaml").write_text("user_name: x\nattributes: {}\n")
    faults = faults_of(tmp_path, SMALL + "mappings: .\n")
    assert {fault.where for fault in faults} == {"user_name", "attributes"}
    assert {fault.file for fault in faults} == {tmp_path / "portal-user.yaml"}
