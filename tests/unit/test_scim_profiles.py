"""Client profiles: every switch has a value in every preset, and a tenant's own choice is checked."""

from dataclasses import replace

import pytest

from scim_server.profiles import CLIENTS, PRESETS, VALUES, Switch, client_of
from tests.support.builders import a_tenant


def test_every_preset_sets_every_switch_to_one_of_its_values() -> None:
    assert set(PRESETS) == set(CLIENTS)
    for preset in PRESETS.values():
        assert set(preset) == set(Switch)
        assert all(value in VALUES[switch] for switch, value in preset.items())


def test_generic_is_the_default() -> None:
    assert client_of(a_tenant()).switches == PRESETS["generic"]


def test_a_tenant_overrides_a_switch() -> None:
    tenant = replace(a_tenant(), scim_profile="entra", scim_switches={"patch_user_answer": "body"})
    client = client_of(tenant)
    assert client.says(Switch.PATCH_USER_ANSWER) == "body"
    assert client.accepts(Switch.EMPTY_OPERATIONS)


@pytest.mark.parametrize(
    ("profile", "switches", "sentence"),
    [
        ("azure", {}, "scim.profile: 'azure' is none of generic, entra, okta, strict."),
        ("generic", {"unknown_urns": "accept"}, "scim.switches: 'unknown_urns' is none of "),
        (
            "generic",
            {"patch_user_answer": "yes"},
            "scim.switches.patch_user_answer: 'yes' is none of body, no_body.",
        ),
    ],
)
def test_a_wrong_choice_says_what_there_is(profile: str, switches: dict[str, str], sentence: str) -> None:
    tenant = replace(a_tenant(), scim_profile=profile, scim_switches=switches)
    with pytest.raises(ValueError) as refused:  # noqa: PT011 (the sentence is looked at)
        client_of(tenant)
    assert str(refused.value).startswith(sentence)
