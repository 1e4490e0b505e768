"""What every verb starts from: the configuration named before it, and the core built over that. It owns how
a verb finds its parts; what the verb does is its own.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import typer

from connector.domain.model import Actor, ActorKind, TenantId
from connector.foundation.config import ConfigError, Settings, load

if TYPE_CHECKING:
    from connector.bootstrap import Core

SOURCE = "cli"
OPERATOR = Actor(kind=ActorKind.OPERATOR, name="operator")


@dataclass(frozen=True, slots=True)
class Invocation:
    """What stood before the verb."""

    config: Path | None

    def path(self) -> Path:
        """:raises ConfigError: no configuration was named, or there is no such file."""
        if self.config is None:
            raise ConfigError.of("Name the configuration: usher --config FILE …, or set USHER_CONFIG.")
        if not self.config.is_file():
            raise ConfigError.of("There is no such file. `usher init DIR` makes one.", file=self.config)
        return self.config.resolve()

    def settings(self, *, templates: bool = False) -> Settings:
        """``templates``: with a look at the tenants' own, for what makes mails. Who wants to keep somebody
        out must not be kept from it by a fault in a mail.

        :raises ConfigError: every fault in the configuration.
        """
        from connector.bootstrap import TENANT_CHECKS, faults_of_templates

        look = faults_of_templates if templates else None
        return load(self.path(), checks=TENANT_CHECKS, templates=look)


def invocation(context: typer.Context) -> Invocation:
    """The invocation of a verb."""
    found = context.find_object(Invocation)
    return found if found is not None else Invocation(config=None)


@contextmanager
def opened_core(context: typer.Context, *, works: bool = False, serves: bool = False) -> Iterator["Core"]:
    """The core over the configuration; its database is closed afterwards. ``works``: for a worker,
    ``serves``: for the web server.

    :raises ConfigError, Misconfigured: as the configuration and the database say.
    """
    from connector.bootstrap import make_core

    core = make_core(invocation(context).settings(templates=works or serves), works=works)
    try:
        yield core
    finally:
        core.close()


def known_tenant(settings: Settings, name: str) -> TenantId:
    """:raises ConfigError: the configuration has no tenant of this name."""
    if name not in settings.tenants:
        known = ", ".join(sorted(settings.tenants)) or "none"
        raise ConfigError.of(f"There is no tenant {name!r}. Known: {known}.", where="tenants")
    return TenantId(name)


def new_request_id() -> str:
    """An id that ties together what one verb brings about."""
    return f"cli-{uuid4().hex[:16]}"
