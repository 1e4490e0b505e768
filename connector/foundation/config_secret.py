"""A secret as a configuration names it: where it is, never what it is. It owns reading it at the moment of
use; it must not know what the secret opens.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler, ValidationInfo
from pydantic_core import CoreSchema, core_schema

from connector.foundation.config_values import Surroundings
from connector.foundation.faults import ConfigError
from connector.foundation.private_files import read_private, too_wide

_HOW = "write file:PATH or env:NAME; a secret never stands in the configuration itself"


@dataclass(frozen=True, slots=True, kw_only=True)
class Secret:
    """``file:PATH`` (relative to the configuration file; mode 0600 or stricter) or ``env:NAME``.
    ``source`` is that text; ``path`` is None for a variable.
    """

    source: str
    path: Path | None = None

    @classmethod
    def parse(cls, text: str, folder: Path) -> "Secret":
        """Understand what a configuration says.

        :raises ValueError: it is neither form, or the file's mode is wider than 0600.
        """
        kind, _, place = text.partition(":") if isinstance(text, str) else ("", "", "")
        if kind not in {"file", "env"} or not place:
            raise ValueError(_HOW)
        if kind == "env":
            return cls(source=text)
        path = folder / place
        complaint = too_wide(path, path.stat().st_mode) if path.exists() else ""
        if complaint:
            raise ValueError(complaint)
        return cls(source=text, path=path)

    @property
    def is_missing(self) -> bool:
        """Whether it names a file that is not there, or a variable that is not set."""
        if self.path is not None:
            return not self.path.exists()
        return bool(self.source) and self._name not in os.environ

    def read(self) -> str:
        """The secret, without a line break at its end.

        :raises ConfigError: it is absent, empty, no text, or readable by others.
        """
        if not self.source:
            raise ConfigError.of("no secret is configured for this")
        value = self._variable() if self.path is None else self._file(self.path)
        if not value:
            raise ConfigError.of(f"the secret {self.source} is empty", file=self.path)
        return value

    @property
    def _name(self) -> str:
        return self.source.partition(":")[2]

    def _variable(self) -> str:
        if self.is_missing:
            raise ConfigError.of(f"set the environment variable {self._name} to the secret")
        return os.environ[self._name]

    def _file(self, path: Path) -> str:
        if not path.exists():
            message = "write the secret into this file, mode 0600 (`usher keycloak apply` makes Keycloak's)"
            raise ConfigError.of(message, file=path)
        try:
            return read_private(path).decode().rstrip("\r\n")
        except UnicodeDecodeError:
            raise ConfigError.of("must be UTF-8 text", file=path) from None

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Read from text with the surroundings' folder; written back as ``source``."""

        def read(value: Any, info: ValidationInfo) -> Secret:
            return value if isinstance(value, Secret) else cls.parse(value, Surroundings.of(info).folder)

        return core_schema.with_info_plain_validator_function(
            read, serialization=core_schema.plain_serializer_function_ser_schema(lambda s: s.source)
        )

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """A text of one of the two forms."""
        return {"type": "string", "pattern": "^(file|env):.+$"}


NO_SECRET = Secret(source="")
"""In place of one that nobody needs."""
