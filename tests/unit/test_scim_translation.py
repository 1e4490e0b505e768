"""From requests to documents: whatever is sent becomes a legal document or an error that shows no value."""

import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.domain.document import profile_of
from connector.domain.errors import Invalid
from scim_server import translate
from scim_server.errors import ScimError
from scim_server.models import EnterpriseUser, UserModel
from scim_server.names import ENTERPRISE_NAMES
from scim_server.patches import tidy_patch
from scim_server.profiles import PRESETS, Client
from scim_server.tolerance import tidy_user
from scim_server.translate import Written
from tests.scim.generated import CANARY, CORE, ENTERPRISE, OPERATIONS, USERS

CLIENTS = st.sampled_from([Client(preset) for preset in PRESETS.values()])


def check(outcome: Callable[[], Written]) -> None:
    """The outcome is a document that is legal as it stands, or an error that shows no value."""
    try:
        document = outcome().document
    except ScimError as error:
        refused = error
    else:
        assert document["schemas"][0] == CORE
        assert {"active", "meta", "groups", "id", "password"}.isdisjoint(document)
        again = translate.created(orjson.loads(orjson.dumps(document)))
        assert again.document == document
        return
    assert refused.status == 400
    assert CANARY not in refused.detail


@given(USERS, CLIENTS)
@settings(max_examples=300)
def test_a_body_becomes_a_legal_document_or_an_error_without_its_values(
    body: dict[str, Any], client: Client
) -> None:
    check(lambda: translate.created(tidy_user(body, client, exposes_state=True)))


@given(st.lists(OPERATIONS, min_size=1, max_size=4), CLIENTS)
@settings(max_examples=300)
def test_a_patch_becomes_a_legal_document_or_an_error_without_its_values(
    operations: list[dict[str, Any]], client: Client
) -> None:
    before = {
        "schemas": [CORE],
        "userName": "ada",
        "emails": [{"value": "a@b.example", "type": "work", "primary": True}],
        "roles": [{"value": "r", "primary": True}, {"value": "s"}],
    }
    body = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": operations}

    def patched() -> Written:
        tidied = tidy_patch(body, client, "id-1", exposes_state=True)
        return translate.patched(before, tidied, client)

    check(patched)


@given(USERS)
def test_every_document_has_a_profile_or_a_rule_that_it_breaks(body: dict[str, Any]) -> None:
    client = Client(PRESETS["generic"])
    with suppress(ScimError, Invalid):
        profile_of(translate.created(tidy_user(body, client, exposes_state=False)).document)


def test_the_enterprise_names_are_the_models() -> None:
    own = {name for name in EnterpriseUser.model_fields if name != "schemas"}
    published = {EnterpriseUser.model_fields[name].serialization_alias for name in own}
    assert published == set(ENTERPRISE_NAMES.values())


def test_the_models_keep_the_librarys_names() -> None:
    published = {field.serialization_alias for field in UserModel.model_fields.values()}
    assert {"phoneNumbers", "x509Certificates", "externalId", ENTERPRISE} <= published
    manager: Any = EnterpriseUser.get_field_root_type("manager")
    assert manager.model_fields["ref"].serialization_alias == "$ref"


@pytest.mark.parametrize(
    "module", ["scim_server.blueprint", "scim_server.resources", "scim_server.filters"]
)
def test_reads_never_load_scim2_models(module: str) -> None:
    program = f"import sys, {module}; sys.exit(any(n.startswith('scim2') for n in sys.modules))"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
