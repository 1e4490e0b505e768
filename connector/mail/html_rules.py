"""What HTML in a mail may consist of: tags, attributes, style. It owns this list, for templates as for
finished mails; it must not know how either is read.
"""

import re

TAGS = frozenset(
    (
        *("html", "head", "body", "title", "style", "meta"),
        *(
            "div",
            "span",
            "p",
            "br",
            "hr",
            "h1",
            "h2",
            "h3",
            "h4",
            "h5",
            "h6",
            "blockquote",
            "pre",
            "center",
        ),
        *("table", "thead", "tbody", "tfoot", "tr", "td", "th", "caption", "col", "colgroup"),
        *("header", "footer", "main", "section", "article", "address"),
        *("ul", "ol", "li", "dl", "dt", "dd"),
        *("a", "img", "b", "strong", "i", "em", "u", "s", "small", "sub", "sup", "code"),
    )
)
ATTRIBUTES = frozenset(
    (
        *("class", "dir", "id", "lang", "role", "style", "title", "type"),
        *("aria-hidden", "aria-label", "aria-roledescription"),
        *("align", "bgcolor", "border", "height", "valign", "width"),
        *("cellpadding", "cellspacing", "colspan", "rowspan", "scope"),
        *("alt", "href", "src"),
    )
)
_META = frozenset({"charset", "name", "content"})
_META_NAMES = frozenset(
    (
        *("viewport", "color-scheme", "supported-color-schemes", "format-detection"),
        "x-apple-disable-message-reformatting",
    )
)
_FUNCTIONS = frozenset({"rgb", "rgba", "hsl", "hsla", "calc", "min", "max"})
_FUNCTION = re.compile(r"([\w-]+)\(")
_AT_RULE = re.compile(r"@([\w-]*)")


def fault_of_tag(tag: str) -> str:
    """Why there may be no ``tag``; empty if there may."""
    return "" if tag in TAGS else f"<{tag}> is not for mails: take it out"


def fault_of_attribute(tag: str, name: str) -> str:
    """Why ``tag`` may have no attribute ``name``; empty if it may."""
    if name.startswith("on"):
        return f"{name} would run a script: take it out"
    if name in {"href", "src"} and tag != {"href": "a", "src": "img"}[name]:
        return f"<{tag}> may fetch nothing: take {name} out"
    if name in ATTRIBUTES or (tag == "meta" and name in _META):
        return ""
    return f"the attribute {name} is not for mails: take it out"


def fault_of_value(name: str, value: str) -> str:
    """Why the attribute ``name``, neither an address nor a style, may not be ``value``; empty if it may."""
    if name == "charset" and value.lower() != "utf-8":
        return 'a mail is UTF-8: write charset="utf-8", or leave it out'
    if name == "name" and value not in _META_NAMES:
        return f"<meta> may be one of {', '.join(sorted(_META_NAMES))}: take it out"
    return ""


def fault_of_css(css: str) -> str:
    """Why ``css``, declarations or a style sheet, is not for mails; empty if it is."""
    if "\\" in css or "&" in css:
        return "a style may hold no backslash and no &: write the characters themselves"
    if "/*" in css:
        return "a style may hold no comment: write {# … #}"
    for rule in _AT_RULE.findall(css):
        if rule.lower() != "media":
            return f"a style may have no @{rule}: there is @media alone"
    for function in _FUNCTION.findall(css):
        if function.lower() not in _FUNCTIONS:
            return f"a style may not use {function}(): there are {', '.join(sorted(_FUNCTIONS))}"
    return ""
