"""Discovery announces what there is and nothing else."""

from tests.scim.conftest import Caller, House, a_user

CORE = "urn:ietf:params:scim:schemas:core:2.0:User"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
LIFECYCLE = "urn:ietf:params:scim:schemas:extension:usher:2.0:User"


def test_the_config_announces_what_works(generic: Caller) -> None:
    config = generic.get("/ServiceProviderConfig").json
    supported = {
        name for name, value in config.items() if isinstance(value, dict) and value.get("supported")
    }
    assert supported == {"patch", "filter", "etag"}
    assert config["filter"]["maxResults"] == config["pagination"]["maxPageSize"] == 1000
    assert (config["pagination"]["index"], config["pagination"]["cursor"]) == (True, False)
    assert [scheme["type"] for scheme in config["authenticationSchemes"]] == ["oauthbearertoken"]


def test_the_only_resource_type_is_user(generic: Caller) -> None:
    listed = generic.get("/ResourceTypes").json
    assert [one["id"] for one in listed["Resources"]] == ["User"]
    user = generic.get("/ResourceTypes/User").json
    assert listed["Resources"] == [user]
    assert user["schema"] == CORE
    assert user["schemaExtensions"] == [{"schema": ENTERPRISE, "required": False}]
    assert user["meta"]["location"] == f"{generic.base}/ResourceTypes/User"


def test_the_schemas_have_no_password_and_canonical_types(generic: Caller) -> None:
    listed = generic.get("/Schemas").json["Resources"]
    assert [one["id"] for one in listed] == [CORE, ENTERPRISE]
    core = generic.get(f"/Schemas/{CORE}").json
    assert listed[0] == core
    assert (core["name"], core["meta"]["location"]) == ("User", f"{generic.base}/Schemas/{CORE}")
    attributes = {one["name"]: one for one in core["attributes"]}
    assert {"password", "groups"}.isdisjoint(attributes)
    labels = {part["name"]: part for part in attributes["emails"]["subAttributes"]}
    assert labels["type"]["canonicalValues"] == ["work", "home", "other"]
    assert labels["value"]["type"] == "string"
    link = attributes["profileUrl"]
    assert (link["type"], link["referenceTypes"]) == ("reference", ["external"])


def test_the_state_is_shown_only_where_the_tenant_wants_it(house: House, generic: Caller) -> None:
    user = generic.created(a_user())
    assert LIFECYCLE not in user
    assert generic.get(f"/Schemas/{LIFECYCLE}").status == 404
    house.change("generic", expose_state=True)
    assert generic.get(f"/Schemas/{LIFECYCLE}").json["name"] == "PortalAccess"
    extensions = generic.get("/ResourceTypes/User").json["schemaExtensions"]
    assert [one["schema"] for one in extensions] == [ENTERPRISE, LIFECYCLE]


def test_the_state_follows_the_clock_without_a_new_version(house: House, generic: Caller) -> None:
    house.change("generic", expose_state=True)
    created = generic.created(a_user())
    assert LIFECYCLE in created["schemas"]
    shown = created[LIFECYCLE]
    assert shown["lifecycleState"] == "pending"
    assert shown["holds"] == []
    assert shown["invitation"] == {"status": "open", "expiresAt": "2027-01-22T08:00:00.000000Z"}
    assert "resend" in shown["allowedActions"]
    assert generic.user(created["id"]) == created
    house.clock.move(8 * 86400)
    later = generic.found("active eq true")[0]
    assert later[LIFECYCLE]["lifecycleState"] == later[LIFECYCLE]["invitation"]["status"] == "expired"
    assert later["meta"] == created["meta"]


def test_the_state_names_holds_and_closed_invitations(house: House, generic: Caller) -> None:
    house.change("generic", expose_state=True)
    created = generic.created(a_user())
    off = generic.patch(f"/Users/{created['id']}", {"op": "replace", "path": "active", "value": False})
    assert off.json[LIFECYCLE]["holds"] == ["scim"]
    assert off.json[LIFECYCLE]["invitation"]["status"] == "revoked"
    never = generic.created(a_user("held@acme.example", active=False))
    assert never[LIFECYCLE]["invitation"] == {"status": "none"}


def test_the_state_cannot_be_written(house: House, generic: Caller) -> None:
    house.change("generic", expose_state=True)
    mine = {LIFECYCLE: {"lifecycleState": "active"}}
    created = generic.created(a_user(**mine))
    assert created[LIFECYCLE]["lifecycleState"] == "pending"
    put = generic.put(f"/Users/{created['id']}", {**created, **mine})
    assert put.json[LIFECYCLE] == created[LIFECYCLE]
    for operation in (
        {"op": "replace", "path": f"{LIFECYCLE}:lifecycleState", "value": "active"},
        {"op": "replace", "path": LIFECYCLE, "value": {"lifecycleState": "active"}},
        {"op": "replace", "value": mine},
    ):
        assert generic.patch(f"/Users/{created['id']}", operation).error == (400, "mutability")
