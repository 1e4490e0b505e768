"""``usher template …``: a tenant's mails, shown or sent to somebody who wants to see them. It owns the
verbs; the mails are those that people get, with a link that leads nowhere, and no user is touched.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from connector.cli.context import invocation, known_tenant, new_request_id
from connector.cli.output import console
from connector.cli.users import TenantName
from connector.domain.effects import Template
from connector.domain.model import Tenant
from connector.foundation.config import ConfigError, Settings
from connector.foundation.config_values import parse_locale

if TYPE_CHECKING:
    from connector.mail.render import MailRenderer

app = typer.Typer(no_args_is_help=True, help="A tenant's mails, with a link that leads nowhere.")

Mail = Annotated[Template, typer.Argument(help="Which mail.", show_choices=True)]
Language = Annotated[str | None, typer.Option("--locale", help="Whose reader; by default the tenant's.")]


@app.command()
def preview(
    context: typer.Context,
    tenant: TenantName,
    template: Mail,
    locale: Language = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Write its parts here instead of printing them.")
    ] = None,
) -> None:
    """Show a mail of a tenant, its own or the shipped one."""
    from connector.mail.preview import opened
    from connector.mail.preview import preview as previewed
    from connector.mail.templates import PARTS

    parts = _Parts(context, tenant, locale)
    mail = previewed(parts.renderer, template, parts.tenant, parts.locale, now=parts.clock.now())
    files = opened(mail)
    if out is not None:
        _write(out, files)
        console.print(f"Written to {out}: {', '.join(files)}.", markup=False, soft_wrap=True)
        return
    for name in PARTS:
        console.print(f"--- {name}", markup=False)
        console.print(files[name].decode().rstrip("\n"), markup=False, highlight=False, soft_wrap=True)


@app.command("send-test")
def send_test(
    context: typer.Context,
    tenant: TenantName,
    template: Mail,
    to: Annotated[str, typer.Option(help="The address to send it to.")],
    locale: Language = None,
) -> None:
    """Send a mail of a tenant to an address, from the tenant's sender, with [Test] before its subject."""
    from connector.bootstrap import make_mailer
    from connector.mail.preview import preview as previewed

    parts = _Parts(context, tenant, locale)
    mail = previewed(
        parts.renderer,
        template,
        parts.tenant,
        parts.locale,
        now=parts.clock.now(),
        request_id=new_request_id(),
        recipient=to,
        is_test=True,
    )
    answer = make_mailer(parts.settings, parts.clock).send(mail)
    console.print(f"Sent to {to}: {answer}", markup=False, highlight=False, soft_wrap=True)


class _Parts:
    """What both verbs need; neither opens the database."""

    def __init__(self, context: typer.Context, tenant: str, locale: str | None) -> None:
        from connector.bootstrap import make_renderer
        from connector.store.clock import SystemClock

        self.settings: Settings = invocation(context).settings(templates=True)
        self.tenant: Tenant = self.settings.tenants[known_tenant(self.settings, tenant)]
        self.locale = _known_locale(locale) if locale is not None else self.tenant.locale
        self.clock = SystemClock()
        self.renderer: MailRenderer = make_renderer(self.settings, self.clock)


def _known_locale(locale: str) -> str:
    try:
        return parse_locale(locale)
    except ValueError as error:
        raise ConfigError.of(str(error), where="--locale") from None


def _write(folder: Path, files: dict[str, bytes]) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, data in files.items():
            (folder / name).write_bytes(data)
    except OSError as error:
        raise ConfigError.of(f"cannot be written: {error.strerror}", file=folder, where="--out") from None
