"""What a caller might send, generated: legal names and values in places where they may be illegal."""

from hypothesis import strategies as st

from scim_server.names import ENTERPRISE_NAMES
from scim_server.shapes import user_shape

CANARY = "canary4711"
CORE = "urn:ietf:params:scim:schemas:core:2.0:User"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"

_LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-5, 5)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(["", "True", "work", CANARY, "a@b.example", "https://x.example/"])
)
_OTHER_NAMES = ["value", "type", "primary", "givenName", "$ref", "nosuch", "urn:example:User"]
NAMES = st.sampled_from(
    [
        *(part.name for part in user_shape().parts.values()),
        *ENTERPRISE_NAMES.values(),
        *_OTHER_NAMES,
        f"{CORE}:userName",
        f"{ENTERPRISE}:department",
    ]
)
VALUES = st.recursive(
    _LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)
USERS = st.dictionaries(NAMES, VALUES, max_size=6)
PATHS = NAMES | st.sampled_from(
    [
        'emails[type eq "work"].value',
        "emails[primary eq true]",
        'roles[primary eq "True"].value',
        "name.givenName",
        'emails.type eq "work"',
        "emails[",
        "",
        "emails.value",
        "meta.version",
        'addresses[type eq "x"].country',
    ]
)
OPERATIONS = st.fixed_dictionaries(
    {"op": st.sampled_from(["add", "Replace", "remove", "move"])},
    optional={"path": PATHS, "value": VALUES, "name": _LEAVES},
)
