"""The header fields of an answer: which leave, and with what in them masked. Pure."""

from collections.abc import Iterable
from urllib.parse import urlsplit

from ingress.web.answers.texts import Texts
from ingress.web.fields import Field, returned


def masked_fields(fields: Iterable[Field], texts: Texts) -> list[Field]:
    """The target's fields for the client."""
    found = returned(fields)
    return [(name, texts.redact(value)) for name, value in found] if texts else found


def location(value: bytes, origin: str, prefix: str) -> bytes | None:
    """Where the client is sent by a Location: the same place, through the gateway.

    `origin`: the target's. `prefix`: what stands before its paths on the gateway. None for a place that is
    not the target: the client may go there, but not by way of an address it is not meant to know.
    """
    try:
        text = value.decode("ascii")
        place = urlsplit(text)
    except (UnicodeDecodeError, ValueError):
        return None
    if place.scheme or place.netloc:
        if f"{place.scheme}://{place.netloc}".lower() != origin.lower():
            return value if place.scheme in ("http", "https") else None
        text = text[len(place.scheme) + 3 + len(place.netloc) :] or "/"
    if text.startswith("/"):
        return (prefix + text).encode()
    return text.encode()
