"""The configuration's files as one: the main file and the tenants it includes, one a file. It owns which
file a key came from; it must not know what keys mean.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from connector.foundation.config_form import Place
from connector.foundation.faults import ConfigError, Fault
from connector.foundation.yaml_source import YamlFile, read_yaml

TENANTS = "tenants"
INCLUDE = "include"
_LIKE = "tenants/*.yaml"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigSource:
    """``data`` is the main file's with the included tenants among its own; ``faults`` are what was wrong
    on the way.
    """

    main: YamlFile
    data: dict[str, Any]
    included: dict[str, YamlFile] = field(default_factory=dict)
    faults: tuple[Fault, ...] = ()

    def fault(self, place: Place, message: str) -> Fault:
        """A fault in whichever file ``place`` came from."""
        if len(place) > 1 and place[0] == TENANTS and place[1] in self.included:
            return self.included[str(place[1])].fault(place[2:], message, shown=place)
        return self.main.fault(place, message)


def read_source(path: Path) -> ConfigSource:
    """Read the main file and what it includes.

    :raises ConfigError: the main file cannot be read at all.
    """
    main = read_yaml(path)
    own = main.data.get(TENANTS)
    own = own if isinstance(own, dict) else {}
    included: dict[str, YamlFile] = {}
    faults: list[Fault] = []
    for file in _included_files(main, faults):
        tenant = file.stem
        if tenant in own or tenant in included:
            other = path if tenant in own else included[tenant].path
            text = f"tenant {tenant!r} is in {other} too"
            faults.append(Fault(message=text, file=file, where=f"{TENANTS}.{tenant}"))
            continue
        try:
            included[tenant] = read_yaml(file)
        except ConfigError as error:
            faults.extend(error.faults)
    return ConfigSource(main=main, data=_merged(main, included), included=included, faults=tuple(faults))


def _included_files(main: YamlFile, faults: list[Fault]) -> list[Path]:
    """The files that ``include`` names, sorted; a plain name must be there, a pattern may match none."""
    written = main.data.get(INCLUDE, [])
    files: list[Path] = []
    for pattern in written if isinstance(written, list) else [written]:
        found = _matches(main.path.parent, pattern)
        if found is None:
            faults.append(
                main.fault((INCLUDE,), f"must be a relative path like {_LIKE}, or a list of them")
            )
        elif not found and "*" not in pattern:
            faults.append(main.fault((INCLUDE,), f"there is no file {pattern}"))
        files.extend(found or ())
    return files


def _matches(folder: Path, pattern: Any) -> list[Path] | None:
    """The files of a pattern, sorted; None if it is none."""
    if not isinstance(pattern, str):
        return None
    try:
        return sorted(folder.glob(pattern))
    except (ValueError, NotImplementedError):
        return None


def _merged(main: YamlFile, included: dict[str, YamlFile]) -> dict[str, Any]:
    data = {key: value for key, value in main.data.items() if key != INCLUDE}
    if not included:
        return data
    own = data.get(TENANTS)
    own = own if isinstance(own, dict) else {}
    return data | {TENANTS: own | {tenant: file.data for tenant, file in included.items()}}
