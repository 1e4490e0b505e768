"""A company's identity provider, as far as the demo needs one: pushes a user over SCIM with the bodies that
Microsoft Entra documents for its provisioning service. It owns these bodies; it must not know what is done
with them.
"""

from typing import Any

import requests

from connector.demo.errors import DemoError

SECONDS = 30.0
PATCH_SCHEMA = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
USER_SCHEMAS = (
    "urn:ietf:params:scim:schemas:core:2.0:User",
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User",
)


class ScimCaller:
    """A SCIM client of one tenant.

    :param url: the tenant's SCIM endpoint, without a slash at its end.
    """

    def __init__(self, url: str, token: str) -> None:
        self.url = url
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/scim+json"}

    def create(self, address: str, given_name: str, family_name: str) -> str:
        """Push a user whose userName is the address; the new id.

        :raises DemoError: Usher refused, with its own words.
        """
        return str(self._call("POST", "Users", create_body(address, given_name, family_name))["id"])

    def deactivate(self, user: str) -> None:
        """Take a user's access away.

        :raises DemoError: as ``create``.
        """
        self._call("PATCH", f"Users/{user}", active_body(active=False))

    def activate(self, user: str) -> None:
        """Give it back.

        :raises DemoError: as ``create``.
        """
        self._call("PATCH", f"Users/{user}", active_body(active=True))

    def _call(self, method: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
        try:
            answer = requests.request(
                method, f"{self.url}/{path}", json=body, headers=self._headers, timeout=SECONDS
            )
        except requests.RequestException as error:
            raise DemoError(
                f"SCIM {method}: Usher does not answer ({type(error).__name__}).", "Look at Usher's log."
            ) from error
        if not answer.ok:
            raise DemoError(
                f"SCIM {method} was answered {answer.status_code}: {answer.text[:300]}",
                "Look at Usher's log.",
            )
        return dict(answer.json()) if answer.content else {}


def create_body(address: str, given_name: str, family_name: str) -> dict[str, Any]:
    """Entra's body for a new user."""
    return {
        "schemas": list(USER_SCHEMAS),
        "externalId": address.partition("@")[0],
        "userName": address,
        "active": True,
        "emails": [{"primary": True, "type": "work", "value": address}],
        "meta": {"resourceType": "User"},
        "name": {
            "formatted": f"{given_name} {family_name}",
            "familyName": family_name,
            "givenName": given_name,
        },
        "roles": [],
    }


def active_body(*, active: bool) -> dict[str, Any]:
    """Entra's body for disabling a user, and for enabling."""
    operation = {"op": "Replace", "path": "active", "value": active}
    return {"schemas": [PATCH_SCHEMA], "Operations": [operation]}
