"""The JSON loader: what two readers could understand differently is refused."""

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scim_server.errors import ScimError
from scim_server.loader import MAX_DEPTH, load

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=10,
)


@given(st.dictionaries(st.text("abcdefgh", min_size=1), VALUES, max_size=4))
def test_a_plain_object_is_read_as_the_standard_library_reads_it(value: dict[str, object]) -> None:
    assert load(json.dumps(value).encode()) == value


@given(st.binary(max_size=40))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    with suppress(ScimError):
        assert isinstance(load(body), dict)


@pytest.mark.parametrize(
    ("body", "rule"),
    [
        (b"\xff", "it must be UTF-8"),
        (b"\xef\xbb\xbf{}", "it must not begin with a byte order mark"),
        (b'{"a" 1}', "it is malformed at character 6"),
        (b'{"a":1,"A":2}', "a name occurs twice in one object"),
        (b'{"x":[{"a":1,"a":1}]}', "a name occurs twice in one object"),
        (b'{"a":-Infinity}', "NaN and Infinity are no numbers"),
        (b'{"a":1e999}', "a number is beyond what can be kept"),
        (b'{"a":18446744073709551616}', "an integer is beyond 64 bits"),
        (b'{"a":-9223372036854775809}', "an integer is beyond 64 bits"),
        (b'{"a\\u0000":1}', "it holds a NUL character"),
        (b'{"a":["\\u0000"]}', "it holds a NUL character"),
        (b'{"a":"\\udc00x"}', "it holds half a surrogate pair"),
        (b'["a"]', "it must be an object"),
        (b'{"a":' + b"[" * 32 + b"]" * 32 + b"}", "it is nested more than 32 deep"),
        (b"[" * 200_000, "it is nested more than 32 deep"),
    ],
)
def test_a_refusal_names_the_rule(body: bytes, rule: str) -> None:
    with pytest.raises(ScimError) as refused:
        load(body)
    assert refused.value.detail == f"The body is not valid JSON: {rule}"


def test_the_deepest_body_is_read() -> None:
    depth = MAX_DEPTH - 1
    assert load(b'{"a":' + b"[" * depth + b"]" * depth + b"}")


def test_the_widest_integers_are_read() -> None:
    assert load(b'{"a":18446744073709551615,"b":-9223372036854775808}') == {"a": 2**64 - 1, "b": -(2**63)}


def test_a_whole_surrogate_pair_is_text() -> None:
    assert load(b'{"a":"\\ud83d\\ude00"}') == {"a": "\U0001f600"}
