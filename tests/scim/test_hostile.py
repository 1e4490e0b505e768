"""Hostile input: every one gets a 4xx that says why, none a 5xx."""

import io
import json
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from scim_server.blueprint import MAX_BODY
from scim_server.profiles import client_of
from scim_server.resources import projection_of
from tests.scim.conftest import Caller, a_user, patch_of
from tests.support.builders import a_tenant
from tests.support.cost import slowness


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 90_000,
        b'{"a":' * 90_000,
        b'{"userName":NaN}',
        b'{"userName":"a","USERNAME":"b"}',
        b'{"userName":"a\\u0000"}',
        b'{"userName":"\\ud800"}',
        b'\xef\xbb\xbf{"userName":"a"}',
        '{"userName":"a"}'.encode("utf-16"),
        b'{"userName":' + b"9" * 5000 + b"}",
        b"",
        b"null",
        b'"text"',
        b"[]",
        b'{"userName":"a"',
        b'{"userName":"\xff"}',
    ],
)
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
def test_what_is_no_plain_json_object_is_invalid_syntax(generic: Caller, method: str, body: bytes) -> None:
    path = "/Users" if method == "POST" else "/Users/1"
    assert generic.call(method, path, body).error == (400, "invalidSyntax")


def test_a_body_over_the_limit_is_413_with_and_without_a_length(generic: Caller) -> None:
    body = b'{"userName":"' + b"a" * MAX_BODY + b'"}'
    assert generic.post("/Users", body).error == (413, "")
    assert chunked(generic, body) == 413


def chunked(caller: Caller, body: bytes) -> int:
    """The status for a body that comes without its length, as from a chunked transfer."""

    response = caller._client.post(
        f"/scim/{caller.tenant}/v2/Users",
        headers={"Authorization": f"Bearer {caller.token}"},
        content_type="application/scim+json",
        environ_overrides={
            "wsgi.input": io.BytesIO(body),
            "wsgi.input_terminated": True,
            "HTTP_TRANSFER_ENCODING": "chunked",
            "CONTENT_LENGTH": "",
        },
    )
    return response.status_code


def test_a_chunked_body_is_read(generic: Caller) -> None:
    assert chunked(generic, b'{"userName":"ada@acme.example"}') == 201


def test_a_compressed_body_is_415(generic: Caller) -> None:
    body = zlib.compress(b'{"userName":"a"}')
    assert generic.post("/Users", body, Content_Encoding="gzip").error == (415, "")


@pytest.mark.parametrize(
    "media_type",
    [
        "text/plain",
        "multipart/form-data; boundary=x",
        "application/x-www-form-urlencoded",
        "application/jsonp",
    ],
)
def test_another_media_type_is_415(generic: Caller, media_type: str) -> None:
    assert generic.post("/Users", a_user(), Content_Type=media_type).error == (415, "")


@pytest.mark.parametrize(
    "media_type", ["application/json", "application/vnd.acme+json", "APPLICATION/SCIM+JSON"]
)
def test_every_json_media_type_is_taken(generic: Caller, media_type: str) -> None:
    assert generic.post("/Users", a_user(), Content_Type=media_type).status == 201


@pytest.mark.parametrize(
    "text",
    [
        " or ".join(['userName eq "a"'] * 2000),
        " and ".join(['userName eq "a"'] * 200),
        "not (" * 40 + 'userName eq "a"' + ")" * 40,
        "x" * 20_000,
        "' OR 1=1 --",
        "%",
        "",
        'userName eq "\\ud800"',
        'userName eq "\\u0000"',
        'userName eq "a" or "a" eq "a"',
        "(" * 3000,
        'emails[type eq "work"',
        "userName eq",
        'meta.created gt "9999-99-99T99:99:99Z"',
    ],
)
def test_a_hostile_filter_is_refused(generic: Caller, text: str) -> None:
    generic.created(a_user())
    assert generic.get("/Users", filter=text).error == (400, "invalidFilter")


@pytest.mark.parametrize("text", ["%", "_", "a%", "' OR 1=1 --", '\\"', "*"])
def test_a_filters_text_is_plain_text(generic: Caller, text: str) -> None:
    generic.created(a_user())
    assert generic.found(f'userName eq "{text}"') == []


def test_1500_parentheses_are_harmless(generic: Caller) -> None:
    user = generic.created(a_user())
    deep = "(" * 1500 + 'userName eq "ada@acme.example"' + ")" * 1500
    assert generic.found(deep) == [user]


@pytest.mark.parametrize("path", ["/Users/%00", "/Users/%2e%2e", "/Users/..%2f..", "/Users/\u00e9", "/%00"])
def test_a_hostile_path_is_404(generic: Caller, path: str) -> None:
    assert generic.get(path).error == (404, "")


@pytest.mark.parametrize("path", ["/scim/", "/scim/generic", "/scim/generic/v1/Users", "/scim/generic//v2"])
def test_no_path_below_scim_is_answered_by_anything_else(generic: Caller, path: str) -> None:
    response = generic._client.get(path)
    assert response.status_code in (401, 404)
    if path != "/scim/":
        assert response.content_type == "application/scim+json"


@pytest.mark.parametrize("name", ["", " ", " ada", "ada ", "a\r\nb", "a\tb", None])
def test_a_user_name_that_is_none_is_refused(generic: Caller, name: Any) -> None:
    assert generic.post("/Users", a_user() | {"userName": name}).error == (400, "invalidValue")


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
def test_a_user_over_64_kib_is_refused(generic: Caller, method: str) -> None:
    user = generic.created(a_user())
    text = "x" * 1_000_000
    body = a_user("b@acme.example", title=text)
    if method == "PATCH":
        body = patch_of({"op": "add", "path": "title", "value": text})
    reply = generic.call(method, "/Users" if method == "POST" else f"/Users/{user['id']}", body)
    assert reply.error == (400, "invalidValue")
    assert generic.user(user["id"]) == user


def test_5000_operations_are_refused(generic: Caller) -> None:
    user = generic.created(a_user())
    operations = [{"op": "add", "path": "title", "value": str(number)} for number in range(5000)]
    assert generic.patch(f"/Users/{user['id']}", *operations).error == (400, "invalidValue")
    many = {"op": "add", "value": {f"x{number}": "" for number in range(5000)}}
    assert generic.patch(f"/Users/{user['id']}", many).error == (400, "invalidValue")


@pytest.mark.parametrize(
    "operations",
    [None, "text", 7, {"op": "add"}, ["text"], [None], [[]], [{}], [{"op": 7}], [{"op": "add", "path": 7}]],
)
def test_operations_that_are_none_are_refused(generic: Caller, operations: Any) -> None:
    user = generic.created(a_user())
    body = {"Operations": operations}
    assert generic.call("PATCH", f"/Users/{user['id']}", body).status == 400


@pytest.mark.parametrize("text", ["\\ud800", "\\u0000"])
def test_a_path_brings_no_broken_text_in(generic: Caller, text: str) -> None:
    user = generic.created(a_user())
    operation = {"op": "add", "path": f'emails[type eq "{text}"].value', "value": "x@acme.example"}
    assert generic.patch(f"/Users/{user['id']}", operation).error == (400, "invalidValue")


def test_references_are_never_fetched(generic: Caller) -> None:
    manager = {"value": "1", "$ref": "http://169.254.169.254/latest"}
    urn = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
    created = generic.created(a_user(profileUrl="http://169.254.169.254/", **{urn: {"manager": manager}}))
    assert created[urn]["manager"] == manager


def test_a_request_id_that_is_not_plain_is_replaced(generic: Caller) -> None:
    for sent in ("short", "with space in it", "x" * 65, "a;b;c;d;e"):
        assert generic.call("GET", "/Users", X_Request_ID=sent).headers["X-Request-ID"] != sent


@pytest.mark.parametrize("attribute", ["id", "userName", "externalId", "displayName", "emails.value"])
@pytest.mark.parametrize("text", ["\\u0000", "a\\u0000b", "\\ud800", "x" * 8000, "\\ufdfa" * 1000])
def test_a_filter_for_text_that_no_user_can_have_finds_nobody(
    generic: Caller, attribute: str, text: str
) -> None:
    generic.created(a_user())
    reply = generic.get("/Users", filter=f'{attribute} eq "{text}"')
    assert reply.status in {200, 400}
    assert reply.status == 400 or reply.json["totalResults"] == 0


def test_a_user_name_that_folds_to_much_more_is_kept_and_found(generic: Caller) -> None:
    name = "\ufdfa" * 60
    user = generic.created(a_user(name, emails=[]))
    assert [found["id"] for found in generic.found(f'userName eq "{name}"')] == [user["id"]]
    assert generic.post("/Users", a_user(name, emails=[])).error == (409, "uniqueness")


# --- work -------------------------------------------------------------------------------------------


@contextmanager
def soon_done(seconds: float = 1.0) -> Iterator[None]:
    """What happens within takes little of the processor: whoever sends it keeps all others waiting."""
    began = time.process_time()
    yield
    assert time.process_time() - began < seconds * slowness()


@pytest.mark.parametrize("parameter", ["attributes", "excludedAttributes"])
@pytest.mark.parametrize(
    "names",
    [
        "[" * 200_000,
        "emails" + "[a" * 100_000,
        ["["] * 100_000,
        [f"a{number}" for number in range(300_000)],
    ],
    ids=["brackets", "open", "listed", "many"],
)
def test_attributes_of_more_than_8192_characters_are_refused(
    generic: Caller, parameter: str, names: Any
) -> None:
    generic.created(a_user())
    with soon_done(2.0):
        assert generic.post("/Users/.search", {parameter: names}).error == (400, "invalidValue")
        text = names if isinstance(names, str) else ",".join(names)
        assert generic.get("/Users", **{parameter: text}).error == (400, "invalidValue")


@pytest.mark.parametrize("parameter", ["attributes", "excludedattributes"])
def test_the_longest_attributes_are_read_once_for_all_users_shown(parameter: str) -> None:
    names = ",".join(str(number) for number in range(1000, 2600))
    client = client_of(a_tenant())
    user = json.dumps({f"x{number}": {"y": 1} for number in range(30)}).encode()
    with soon_done(2.0):
        projection = projection_of({parameter: names}, client)
        for _ in range(1000):
            projection.apply(user)


def test_a_bracket_that_is_never_closed_ends_the_attributes(generic: Caller) -> None:
    user = generic.created(a_user(title="Countess"))
    reply = generic.get(f"/Users/{user['id']}", attributes="title,emails[type eq, userName")
    assert set(reply.json) == {"id", "schemas", "title", "emails"}


@pytest.mark.parametrize("op", ["add", "remove"])
@pytest.mark.parametrize(
    "path", ["[" * 200_000, "emails" + "[a]" * 70_000, "a" * 200_000, "emails[" * 30_000]
)
def test_a_path_of_200_000_characters_is_soon_refused(strict: Caller, op: str, path: str) -> None:
    user = strict.created(a_user())
    with soon_done():
        reply = strict.patch(f"/Users/{user['id']}", {"op": op, "path": path, "value": "x"})
    assert reply.error == (400, "invalidPath")


def many_emails(count: int) -> list[Any]:
    return [{"value": f"a{number}@acme.example", "type": "a"} for number in range(count)]


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
@pytest.mark.parametrize("items", [many_emails(101), ["a"] * 200_000])
def test_a_list_of_more_than_100_values_is_refused(generic: Caller, method: str, items: list[Any]) -> None:
    user = generic.created(a_user())
    body = a_user("b@acme.example", emails=items)
    if method == "PATCH":
        body = patch_of({"op": "add", "path": "emails", "value": items})
    with soon_done(2.0):
        reply = generic.call(method, "/Users" if method == "POST" else f"/Users/{user['id']}", body)
    assert reply.error == (400, "invalidValue")
    assert "at most 100" in reply.json["detail"]
    assert generic.user(user["id"]) == user


def test_no_patch_makes_a_list_of_more_than_100_values(generic: Caller) -> None:
    user = generic.created(a_user(emails=many_emails(100)))
    path = f"/Users/{user['id']}"
    assert generic.patch(path, {"op": "add", "path": "emails", "value": ["b"]}).error == (
        400,
        "invalidValue",
    )
    assert generic.user(user["id"]) == user
    every = {"op": "remove", "path": "emails", "value": many_emails(100)}
    assert generic.patch(path, every).status == 200
    assert "emails" not in generic.user(user["id"])


LONG_FILTER = " and ".join(['type eq "a"'] * 55)


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "replace", "path": f"emails[{LONG_FILTER}].value", "value": "x"},
        {"op": "replace", "path": 'emails[type eq "a"].display', "value": "x"},
        {"op": "replace", "path": "emails.display", "value": "x"},
        {"op": "remove", "path": "emails", "value": [{"value": f"b{number}"} for number in range(100)]},
        {"op": "remove", "path": "emails", "value": [{"value": f"b{number}"} for number in range(5)]},
        {"op": "add", "path": "emails", "value": ["a"] * 100},
    ],
    ids=["long", "short", "in_each", "removal", "small_removal", "addition"],
)
def test_operations_that_compare_too_much_are_refused(generic: Caller, operation: Any) -> None:
    user = generic.created(a_user(emails=many_emails(100)))
    with soon_done(4.0):
        reply = generic.patch(f"/Users/{user['id']}", *[operation] * 1000)
    assert reply.error == (400, "tooMany")
    assert generic.user(user["id"]) == user


def test_comparisons_with_long_texts_are_refused_sooner(generic: Caller) -> None:
    user = generic.created(a_user(emails=[{"value": "\ufdfa" * 20_000, "type": "\ufdfa"}]))
    operation = {"op": "replace", "path": 'emails[value eq "a" or type pr].display', "value": "x"}
    with soon_done(4.0):
        reply = generic.patch(f"/Users/{user['id']}", *[operation] * 1000)
    assert reply.error == (400, "tooMany")


def test_1000_operations_on_five_e_mails_are_done(generic: Caller) -> None:
    user = generic.created(a_user(emails=[{"value": "a@acme.example", "type": f"t{n}"} for n in range(5)]))
    operations = [
        {"op": "replace", "path": f'emails[type eq "t{n % 5}"].value', "value": f"{n}@acme.example"}
        for n in range(1000)
    ]
    assert generic.patch(f"/Users/{user['id']}", *operations).status == 200
    values = [email["value"] for email in generic.user(user["id"])["emails"]]
    assert values == [f"{n}@acme.example" for n in range(995, 1000)]
