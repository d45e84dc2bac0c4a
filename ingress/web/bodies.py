"""A request's body, read as the target will read it: the names of its fields, and what of it is secret.
Pure."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote

from ingress.web.call import Call
from ingress.web.form_data import MEDIA_TYPE, Part, Unreadable, read_form_data
from ingress.web.paths import pairs
from ingress.web.selectors import Path, Selectors

JSON_TYPE = re.compile(r"application/(?:[\w.+-]+\+)?json|text/json")
FORM = "application/x-www-form-urlencoded"
_CHARSET = re.compile(rb"""charset\s*=\s*["']?([^\s"';]*)""", re.IGNORECASE)
_READ = (b"utf-8", b"utf8", b"us-ascii", b"ascii")
SECRET_NAME = re.compile(
    r"passw|passphrase|secret|token|api[_.-]?key|credential|private[_.-]?key|authorization|(^|[._$])(pin|cvv|cvc|otp|pwd)$",
    re.IGNORECASE,
)
"""A field of this name is likely to hold a secret."""
_MOST_DEPTH = 100


@dataclass(frozen=True, slots=True)
class Body:
    """`fields`: a selector -> its values, for instance "$.customer.email"; arrays are no step of their own.

    Of a file in a form, the value is its name. `document`: the parsed JSON, or None. `parts`: of a form with
    files. `unproven`: why the target may read something else, or empty.
    """

    fields: tuple[tuple[str, str], ...] = ()
    document: Any = None
    parts: tuple[Part, ...] = ()
    unproven: str = ""


class _TwoReadings(ValueError):
    """A JSON text that parsers read differently."""


def read_body(call: Call) -> Body:
    """What the body of a request says."""
    if not call.body:
        return Body()
    if not call.is_whole:
        return Body(unproven="its body is too long to be held and read")
    content_type = call.field(b"content-type") or b""
    charsets = [one.lower() for one in _CHARSET.findall(content_type)]
    if any(one not in _READ for one in charsets):
        # In IBM037 or UTF-7 the same bytes say something else.
        return Body(unproven="its body is in an encoding that the gateway does not read")
    if JSON_TYPE.fullmatch(call.media_type):
        return _read_json(call.body)
    if call.media_type == FORM:
        try:
            text = call.body.decode("ascii")
        except UnicodeDecodeError:
            return Body(unproven="its form is not percent-encoded")
        return Body(tuple((f"$.{name}", value) for name, value in pairs(text)))
    if call.media_type == MEDIA_TYPE:
        return _read_form_data(content_type, call.body)
    what = call.media_type or "of no stated type"
    return Body(unproven=f"its body is {what}, which the gateway does not read")


def _read_form_data(content_type: bytes, body: bytes) -> Body:
    try:
        parts = read_form_data(content_type, body)
    except Unreadable as error:
        return Body(unproven=str(error))
    fields = tuple(
        (f"$.{part.name}", part.data.decode() if part.file is None else part.file) for part in parts
    )
    return Body(fields, parts=parts)


def _read_json(data: bytes) -> Body:
    try:
        document = json.loads(data.decode(), object_pairs_hook=_once, parse_constant=_not_json)
        fields = tuple(_fields(document))
    except _TwoReadings as error:
        return Body(unproven=str(error))
    except (ValueError, RecursionError):
        return Body(unproven="its body is no JSON")
    return Body(fields, document)


def _once(members: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(members)
    if len(found) != len(members):
        raise _TwoReadings("its JSON has a name twice: targets differ on which counts")  # RFC 8259, section 4
    return found


def _not_json(constant: str) -> Any:
    raise _TwoReadings(f"its JSON has {constant}")


def _fields(value: Any, path: str = "$", depth: int = 0) -> Iterator[tuple[str, str]]:
    if depth > _MOST_DEPTH:
        raise _TwoReadings("its JSON is nested too deeply")
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _fields(inner, f"{path}.{name}", depth + 1)
    elif isinstance(value, list):
        for inner in value:
            yield from _fields(inner, path, depth + 1)
    else:
        yield path, value if isinstance(value, str) else json.dumps(value)


def is_hidden(path: Path, selectors: Selectors) -> bool:
    """Whether events must not show the field at this path: it is likely to hold a secret, or is sensitive."""
    return bool(path) and (
        SECRET_NAME.search(path[-1]) is not None
        or selectors.match(path) is not None
        or path[-1] in selectors.names
    )


def shown_json(document: Any, hide: Callable[[Path], str | None], path: Path = ()) -> Any:
    """The document with what `hide(path)` says replaced; `hide` gives the replacement or None."""
    if (placeholder := hide(path)) is not None:
        return placeholder
    if isinstance(document, dict):
        return {name: shown_json(inner, hide, (*path, name)) for name, inner in document.items()}
    if isinstance(document, list):
        return [shown_json(inner, hide, path) for inner in document]
    return document


def shown_form(query: str, show: Callable[[str, str], str]) -> str:
    """A query or form with each value as `show(name, value)` gives it; what it leaves alone stays as it
    was."""
    parts = re.split("([&;])", query)
    for number in range(0, len(parts), 2):
        if not parts[number]:
            continue
        ((name, value),) = pairs(parts[number])
        shown_name, shown = show("", name), show(name, value)
        if (shown_name, shown) != (name, value):
            mark = "=" if "=" in parts[number] else ""
            parts[number] = f"{_quoted(shown_name)}{mark}{_quoted(shown)}"
    return "".join(parts)


def shown_path(path: str, show: Callable[[str, str], str]) -> str:
    """A path with each segment as `show("", segment)` gives it."""
    segments = path.split("/")
    for number, segment in enumerate(segments):
        decoded = unquote(segment)
        if (shown := show("", decoded)) != decoded:
            segments[number] = _quoted(shown)
    return "/".join(segments)


def _quoted(text: str) -> str:
    return re.sub(r"[%&;=#+?/\s]", lambda found: quote(found[0], safe=""), text)
