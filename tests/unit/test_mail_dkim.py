"""A signed mail tells whose it is, and nobody can change or add what a reader goes by."""

from pathlib import Path

import dkim
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from connector.bootstrap import make_dispatch
from connector.domain.effects import Template
from connector.domain.errors import Misconfigured
from connector.foundation.config import ConfigError, load
from connector.mail.render import MailRenderer
from tests.support.builders import FakeClock, a_tenant, a_user, an_invitation
from tests.support.configs import SMALL, changed, write_config

KEY = rsa.generate_private_key(65537, 2048)
SHORT = rsa.generate_private_key(65537, 1024)  # noqa: S505 (it must be refused)
WITH_KEY = changed(
    "  allow_default_sender: true\n",
    "  allow_default_sender: true\n  dkim: {domain: example.com, selector: usher, key: file:dkim.pem}\n",
)


Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


def pem(key: Key = KEY, form: PrivateFormat = PrivateFormat.PKCS8) -> bytes:
    return key.private_bytes(Encoding.PEM, form, NoEncryption())


def with_key(folder: Path, text: bytes, *, mode: int = 0o600, config: str = WITH_KEY) -> Path:
    (folder / "dkim.pem").write_bytes(text)
    (folder / "dkim.pem").chmod(mode)
    return write_config(folder, config)


def record(name: bytes, timeout: int = 5) -> bytes:
    """What DNS has of the key."""
    assert name == b"usher._domainkey.example.com."
    public = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return b"v=DKIM1; k=rsa; p=" + b"".join(public.splitlines()[1:-1])


def is_good(message: bytes) -> bool:
    return dkim.verify(message, dnsfunc=record)  # type: ignore[no-any-return]


@pytest.fixture(scope="module", params=[PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL])
def signed(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> bytes:
    """An invitation as an installation with a key sends it."""
    settings = load(with_key(tmp_path_factory.mktemp("dkim"), pem(form=request.param)))
    renderer = MailRenderer(
        clock=FakeClock(), default_sender="portal@example.com", dispatch=make_dispatch(settings.mail)
    )
    user = a_user(invitation=an_invitation())
    link = "https://usher.example.com/invite/token"
    return renderer.render(Template.INVITATION, a_tenant(), user, link=link, request_id="request-1").message


def test_a_mail_is_signed_by_the_key_of_the_configuration(signed: bytes) -> None:
    signature = signed.partition(b"\r\nDate: ")[0].partition(b":")[2]
    tags = dict(tag.strip().split(b"=", 1) for tag in signature.split(b";"))
    assert (tags[b"a"], tags[b"c"]) == (b"rsa-sha256", b"relaxed/relaxed")
    assert (tags[b"d"], tags[b"s"]) == (b"example.com", b"usher")
    assert b"l" not in tags
    assert is_good(signed)


@pytest.mark.parametrize(
    ("part", "other"),
    [
        (b"Subject: ", b"Subject: Re: "),
        (b"<portal@example.com>", b"<eve@example.com>"),
        (b"To: ada@", b"To: eve@"),
        (b"Auto-Submitted: auto-generated", b"Auto-Submitted: no"),
        (b"https://usher.example.com/", b"https://usher.example.net/"),
    ],
)
def test_what_is_changed_on_the_way_is_seen(signed: bytes, part: bytes, other: bytes) -> None:
    assert part in signed
    assert not is_good(signed.replace(part, other))


@pytest.mark.parametrize(
    "header", ["From", "To", "Cc", "Subject", "Reply-To", "Sender", "Date", "Message-ID", "Content-Type"]
)
def test_no_second_header_can_be_added(signed: bytes, header: str) -> None:
    signature, _, rest = signed.partition(b"\r\nDate: ")
    for forged in (
        signature + f"\r\n{header}: evil@evil.example\r\nDate: ".encode() + rest,
        signed.replace(b"\r\n\r\n", f"\r\n{header}: evil@evil.example\r\n\r\n".encode(), 1),
    ):
        assert not is_good(forged)


def test_a_server_may_fold_and_strip_on_the_way(signed: bytes) -> None:
    assert is_good(signed.replace(b"Usher-Request-Id: ", b"Received: x\r\nUsher-Request-Id: "))
    assert is_good(signed.replace(b"Auto-Submitted: auto", b"Auto-Submitted:  \r\n auto") + b"\r\n")


# --- the configuration -----------------------------------------------------------------------------


def faults(config: Path) -> list[tuple[str, str]]:
    with pytest.raises(ConfigError) as caught:
        load(config)
    return [(fault.where, fault.message) for fault in caught.value.faults]


@pytest.mark.parametrize(
    ("text", "part"),
    [
        (b"", "is empty"),
        (b"no key\n", "must be a private key in PEM"),
        (pem(ec.generate_private_key(ec.SECP256R1())), "must be an RSA key of 2048 to 4096 bits"),
        (pem(SHORT), "must be an RSA key of 2048 to 4096 bits"),
        (
            KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"x")),
            "without a password",
        ),
        (
            KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
            "must be a private key in PEM",
        ),
    ],
)
def test_a_wrong_key_is_a_fault_of_the_configuration(tmp_path: Path, text: bytes, part: str) -> None:
    ((where, message),) = faults(with_key(tmp_path, text))
    assert where == "mail.dkim.key"
    assert part in message


def test_control_k1_a_key_that_others_can_read_is_a_fault(tmp_path: Path) -> None:
    ((where, message),) = faults(with_key(tmp_path, pem(), mode=0o640))
    assert where == "mail.dkim.key"
    assert "chmod 600" in message


def test_a_key_that_is_not_there_is_a_fault(tmp_path: Path) -> None:
    ((where, _),) = faults(write_config(tmp_path, WITH_KEY))
    assert where == "mail.dkim.key"


def test_a_key_that_is_gone_by_the_time_it_is_needed_stops_the_mails(tmp_path: Path) -> None:
    mail = load(with_key(tmp_path, pem())).mail
    (tmp_path / "dkim.pem").unlink()
    with pytest.raises(Misconfigured, match="the key for DKIM"):
        make_dispatch(mail)


@pytest.mark.parametrize(
    ("address", "fits"),
    [
        ("portal@example.com", True),
        ("portal@mail.example.com", True),
        ("portal@Example.COM", True),
        ("portal@example.net", False),
        ("portal@badexample.com", False),
    ],
)
def test_control_m3_every_sender_is_in_the_domain_that_signs(
    tmp_path: Path, address: str, fits: bool
) -> None:
    config = with_key(tmp_path, pem(), config=f"{WITH_KEY}    sender: {{address: {address}}}\n")
    if fits:
        assert load(config)
    else:
        assert [where for where, _ in faults(config)] == ["tenants.acme.sender.address"]


def test_without_a_key_nothing_is_signed(tmp_path: Path) -> None:
    assert make_dispatch(load(write_config(tmp_path, SMALL)).mail).signer is None
