"""What of a kind's objects is sensitive: the selectors "KIND:$.path" of a resource -> the paths of answers.
Pure.

A selector begins at an object, wherever the object stands: alone, in a list, in an event of a watch, in a row
of a table.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import lru_cache

from ingress.web.selectors import Selectors
from processors.masking.masks import FULL, TOKEN, Mask
from schemas.vocabulary import SensitiveColumn

_PLACES = ("", ".items", ".object", ".object.items", ".rows.object", ".object.rows.object")
_BASE64 = "base64 of full"
_ENCODED_TOKEN = b"W21hc2tlZF0="  # base64 of [masked]: clients read these values as base64
MASKED = (TOKEN, _ENCODED_TOKEN)
"""What stands where a value was masked."""
_PLAIN_KINDS = ("secrets", "configmaps")


@lru_cache(maxsize=1024)
def selectors_of(kind: str, entries: tuple[SensitiveColumn, ...]) -> Selectors:
    """What is sensitive in answers about this kind, "deployments.apps"; its subresources are of it, too."""
    whole = kind.partition("/")[0]
    found = []
    for entry in entries:
        named, colon, path = entry.pattern.rpartition(":$")
        if colon and named != whole:
            continue
        path = path if colon else entry.pattern[1:]
        for place in _PLACES:
            found.append(replace(_encoded(whole, path, entry), pattern=f"${place}{path}"))
    return Selectors(found)


def with_base64(masks: Mapping[str, Mask]) -> Mapping[str, Mask]:
    """The masks, and the one for values that are base64."""
    return {**masks, _BASE64: lambda value: _ENCODED_TOKEN}


def has_own_fields(kind: str, entries: Iterable[SensitiveColumn]) -> bool:
    """Whether more of this kind is sensitive than its contents: columns of a table may show it."""
    whole = kind.partition("/")[0]
    for entry in entries:
        named, colon, path = entry.pattern.rpartition(":$")
        contents = path.startswith((".data.", ".stringData.", ".binaryData."))
        if (not colon or named == whole) and not (contents and whole in _PLAIN_KINDS):
            return True
    return False


def _encoded(kind: str, path: str, entry: SensitiveColumn) -> SensitiveColumn:
    first = path.split(".")[1]
    is_base64 = (kind == "secrets" and first == "data") or first == "binaryData"
    return replace(entry, mask=_BASE64) if is_base64 and entry.mask == FULL else entry
