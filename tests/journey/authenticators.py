"""What people have beside a password: an app that shows codes, and a passkey in the browser. It owns how
these answer Keycloak's pages.
"""

import base64
import hmac
import struct
import time
from hashlib import sha1
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page

PERIOD = 30
DIGITS = 6


def code_of(secret: str, now: float) -> str:
    """The code that an app shows for a secret in base32 (RFC 6238 with SHA-1, RFC 4226 §5.3)."""
    key = base64.b32decode(secret.replace(" ", "").upper() + "=" * (-len(secret.replace(" ", "")) % 8))
    digest = hmac.new(key, struct.pack(">Q", int(now) // PERIOD), sha1).digest()
    start = digest[-1] & 0x0F
    (number,) = struct.unpack(">I", digest[start : start + 4])
    return str((number & 0x7FFFFFFF) % 10**DIGITS).zfill(DIGITS)


def set_up_codes(page: "Page") -> None:
    """Keycloak's page for an app, by hand, without its QR code."""
    page.get_by_role("link", name="Unable to scan?").click()
    secret = page.locator("#kc-totp-secret-key").inner_text()
    page.locator('input[name="totp"]').fill(code_of(secret, time.time()))
    page.locator('input[name="userLabel"]').fill("phone")
    page.locator("#saveTOTPBtn").click()


def have_a_passkey(page: "Page") -> None:
    """Give the browser a device with passkeys whose owner agrees to everything."""
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    device = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    session.send("WebAuthn.addVirtualAuthenticator", {"options": device})
    page.on("dialog", lambda dialog: dialog.accept("my passkey"))


def set_up_passkey(page: "Page") -> None:
    """Keycloak's page for a passkey."""
    page.locator("#registerWebAuthn").click()
