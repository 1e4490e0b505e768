"""The addresses in a configuration: URLs, e-mail addresses, hosts. It owns how each is written and its
normal form; it must not know which key holds one.
"""

import re
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated
from urllib.parse import SplitResult, urlsplit

from pydantic import AfterValidator, PlainSerializer, PlainValidator

LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1"})
"""Where nothing travels over a network, so that https may be left out."""

_LABEL = r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_DOMAIN = re.compile(rf"{_LABEL}(\.{_LABEL})*", re.ASCII)
_LOCAL_PART = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}", re.ASCII)


def _split_url(value: str) -> SplitResult:
    try:
        url = urlsplit(value)
        _ = url.port
    except ValueError:
        raise ValueError("is not a URL") from None
    if url.scheme not in {"http", "https"} or not url.hostname or re.search(r"\s", value):
        raise ValueError("must be a URL like https://portal.example.com")
    if url.username is not None or url.fragment:
        raise ValueError("must hold neither a user nor a fragment")
    if url.scheme == "http" and url.hostname not in LOCAL_HOSTS:
        raise ValueError("must begin with https:// (http is for localhost alone)")
    return url


def parse_url(value: str) -> str:
    """An absolute http(s) URL; https unless it leads to this machine."""
    _split_url(value)
    return value


def parse_base_url(value: str) -> str:
    """A URL that others are built on: no query, no slash at its end."""
    url = _split_url(value)
    if url.query or "?" in value:
        raise ValueError("must not hold a query")
    return f"{url.scheme}://{url.netloc.lower()}{url.path.rstrip('/')}"


def parse_origin(value: str) -> str:
    """A URL without a path: ours are fixed, and cookies and origins are compared whole."""
    base = parse_base_url(value)
    if urlsplit(base).path:
        raise ValueError("must end after the host and port; a path cannot be set")
    return base


def parse_email(value: str) -> str:
    """A plain ``local@domain`` address (the dot-atom form of RFC 5321 §4.1.2)."""
    local, _, domain = value.rpartition("@")
    dots = local.startswith(".") or local.endswith(".") or ".." in local
    if dots or not _LOCAL_PART.fullmatch(local) or not _is_domain(domain):
        raise ValueError("must be an e-mail address like portal@example.com")
    return value


def parse_domain(value: str) -> str:
    """A mail domain, in lower case."""
    if not _is_domain(value):
        raise ValueError("must be a domain like example.com")
    return value.lower()


def parse_hostname(value: str) -> str:
    """A host name or address, without scheme or port."""
    if not _is_domain(value) and not re.fullmatch(r"[0-9A-Fa-f:]+", value):
        raise ValueError("must be a host name, without scheme or port")
    return value


def parse_network(value: object) -> IPv4Network | IPv6Network:
    """An address or a network of them, like ``10.0.0.0/8``."""
    try:
        return ip_network(value if isinstance(value, str) else "")
    except ValueError:
        raise ValueError("must be an address or a network like 10.0.0.7 or 10.0.0.0/8") from None


def _is_domain(value: str) -> bool:
    return len(value) <= 253 and _DOMAIN.fullmatch(value) is not None


Url = Annotated[str, AfterValidator(parse_url)]
BaseUrl = Annotated[str, AfterValidator(parse_base_url)]
Origin = Annotated[str, AfterValidator(parse_origin)]
Email = Annotated[str, AfterValidator(parse_email)]
Domain = Annotated[str, AfterValidator(parse_domain)]
Hostname = Annotated[str, AfterValidator(parse_hostname)]
Network = Annotated[
    IPv4Network | IPv6Network,
    PlainValidator(parse_network, json_schema_input_type=str),
    PlainSerializer(str, when_used="json"),
]
