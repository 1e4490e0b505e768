"""The presets that play the products Usher follows: ``mappings/presets/*.yaml``. It owns loading them; what
is in one is data.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from connector.domain.model import State
from connector.foundation.config_form import Form, FormError, fill
from connector.foundation.config_policy import PolicyForm, contradictions
from connector.foundation.config_values import FilledLine, Surroundings
from connector.foundation.faults import ConfigError
from connector.foundation.resources import mappings_dir
from connector.foundation.yaml_source import read_yaml


class LabelsForm(Form):
    """What a list calls each state."""

    draft: FilledLine
    pending: FilledLine
    expired: FilledLine
    active: FilledLine
    disabled: FilledLine
    deleted: FilledLine

    def by_state(self) -> Mapping[State, str]:
        """The labels of all states a user can be in."""
        return {State(name): label for name, label in self}


class PresetForm(Form):
    """One preset's file."""

    policy: PolicyForm
    labels: LabelsForm


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """The keys of a policy that a preset sets, and its words for the states."""

    policy: PolicyForm
    labels: Mapping[State, str]


CANONICAL = Preset(
    policy=PolicyForm(),
    labels={state: state.capitalize() for state in State if state is not State.ABSENT},
)
"""What a tenant without a preset has."""


@cache
def shipped_presets() -> Mapping[str, Preset]:
    """The presets by name.

    :raises ConfigError: a file is not as it must be.
    """
    return {path.stem: load_preset(path) for path in sorted((mappings_dir() / "presets").glob("*.yaml"))}


def load_preset(path: Path) -> Preset:
    """:raises ConfigError: the file is not as it must be; every fault of it."""
    file = read_yaml(path)
    try:
        form = fill(PresetForm, file.data, Surroundings(folder=path.parent))
    except FormError as error:
        raise ConfigError(tuple(file.fault(place, text) for place, text in error.faults)) from None
    faults = [file.fault(("policy", key), text) for key, text in contradictions(form.policy.policy())]
    if faults:
        raise ConfigError(tuple(faults))
    return Preset(policy=form.policy, labels=form.labels.by_state())
