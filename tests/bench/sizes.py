"""How much an invited person has to load: the landing page with all that it asks for, and each mail. It
owns the counting; what is in them is the product's.
"""

import re
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

from flask.testing import FlaskClient

from connector.bootstrap import Core, make_app, make_links, make_renderer
from connector.demo.sites import SITES, Site
from connector.domain.effects import Template
from connector.domain.model import TenantId
from connector.mail.preview import preview
from tests.bench.place import Place, configured, opened
from tests.bench.table import Aim, prose, table, verdicts
from tests.bench.work import create
from tests.support.realms import REALM

KIB = 1024
_LOADED = re.compile(r"""<(?:link|img)\b[^>]*?\b(?:href|src)="([^"]+)\"""")


def sizes_section(place: Place, *, quick: bool) -> list[str]:
    """Measure for each of the demo's tenants; the lines of the document."""
    tenants = {site.tenant: {"realm": REALM, **site.configuration("http://127.0.0.1:9")} for site in SITES}
    with opened(configured(place.without_realm(), tenants=tenants)) as core:
        pages = {site.name: dict(_landing(core, site, number)) for number, site in enumerate(SITES)}
        mails = {site.name: _mails(core, site) for site in SITES}
    largest = max(size for sizes in mails.values() for size in sizes.values())
    return [
        "## What has to be loaded",
        "",
        *prose(
            """KiB of the landing page and of each file that it loads, all from Usher itself and none
            compressed; then of each mail as it is sent, text, HTML and logo together."""
        ),
        "",
        *_table(pages, total="in all"),
        "",
        *_table(mails),
        "",
        *verdicts(
            [
                *(Aim(f"{name}: landing page ≤ 30 KiB in all", sum(sizes.values()) / KIB, at_most=30)
                  for name, sizes in pages.items()),
                Aim("largest mail ≤ 102 KiB, where Gmail cuts", largest / KIB, at_most=102),
            ]
        ),
    ]  # fmt: skip


def _table(found: dict[str, dict[str, int]], total: str = "") -> list[str]:
    """One row a thing, one column a tenant."""
    things = list(dict.fromkeys(thing for sizes in found.values() for thing in sizes))
    rows = [[thing, *(_kib(sizes.get(thing)) for sizes in found.values())] for thing in things]
    sums = [[total, *(_kib(sum(sizes.values())) for sizes in found.values())]] if total else []
    return table(["KiB", *found], rows + sums)


def _kib(size: int | None) -> str:
    return "" if size is None else f"{size / KIB:.1f}"


def _landing(core: Core, site: Site, number: int) -> Iterator[tuple[str, int]]:
    """The page of a link and what a browser loads for it."""
    (user,) = create(core.service, [number], TenantId(site.tenant))
    assert user.invitation is not None
    link = make_links(core).invitation(user.invitation.id, user.invitation.generation)
    browser = make_app(core).test_client()
    page = _loaded(browser, link)
    yield "the page", len(page)
    for address in dict.fromkeys(_LOADED.findall(page.decode())):
        yield urlsplit(address).path.rpartition("/")[2], len(_loaded(browser, address))


def _loaded(browser: FlaskClient, address: str) -> bytes:
    where = urlsplit(address)
    answer = browser.get(f"{where.path}?{where.query}")
    assert answer.status_code == 200, address
    return bytes(answer.data)


def _mails(core: Core, site: Site) -> dict[str, int]:
    renderer, tenant = (
        make_renderer(core.settings, core.clock),
        core.settings.tenants[TenantId(site.tenant)],
    )
    return {
        f"`{template}`": len(preview(renderer, template, tenant, site.language, now=time.time()).message)
        for template in Template
    }
