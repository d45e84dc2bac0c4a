"""A message of the server without what is sensitive in it. Pure.

What a tool answers is a document: `structuredContent`, and the JSON that its texts hold. Selectors find
their fields in it at any depth, as servers wrap lists and lone values in objects of their own. Other texts
are looked at as HTTP looks at a body of their media type (docs/decisions/0015).
"""

import base64
import binascii
import json
import re
from typing import Any

from ingress.web.answers.counting import Uninspectable
from ingress.web.answers.inspect import Inspection, Sight
from ingress.web.selectors import Path
from processors.masking.masks import NOTHING, TOKEN
from schemas.vocabulary import SensitiveColumn

_LOOKS_LIKE_JSON = re.compile(r"\s*[\[{]")
# Parts of a message that are made of parts, and what says of a part what it is.
_MEMBERS = frozenset(("jsonrpc", "id", "method", "result", "error", "params"))
_PARTS = frozenset(("content", "contents", "messages", "resource"))
_STRUCTURE = frozenset(("type", "mimeType", "uri", "role", "progressToken", "progress", "total", "requestId",
                        "level", "isError", "code", "logger"))  # fmt: skip
_WORDS = frozenset(("text", "message", "data"))
_DEEPEST = 200


class MessageMasking:
    """Of one answer. `with_fields`: whether selectors apply; a list of tools has no fields of customers."""

    def __init__(self, sight: Sight, *, with_fields: bool) -> None:
        self.inspection = Inspection(sight)
        self._sight = sight
        self._with_fields = with_fields and bool(sight.selectors)

    @property
    def is_needed(self) -> bool:
        return self._sight.is_needed or bool(self.inspection.texts)

    def hides(self, name: Any) -> bool:
        """Whether there is something sensitive in a name that stays as it is or goes, or it is no text."""
        return not isinstance(name, str) or self._text(name) != name

    def masked(self, message: dict[str, Any]) -> dict[str, Any]:
        """The message with what is sensitive in its result, error or params masked. Raises Uninspectable."""
        rows: list[int] = []
        try:
            found = {
                name: self._part(value, rows) if name in ("result", "error", "params") else value
                for name, value in message.items()
                if name in _MEMBERS
            }
        except RecursionError:
            raise Uninspectable("it is nested too deeply") from None
        self.inspection.counts.rows += max(rows, default=0)
        return found

    def _part(self, value: Any, rows: list[int]) -> Any:
        """A part of a message: what MCP itself gives a meaning."""
        if isinstance(value, list):
            counted: list[int] = []
            shown = [self._part(one, counted) for one in value]
            rows.append(sum(counted))
            return shown
        if not isinstance(value, dict):
            return self._document(value, ())
        if isinstance(value.get("blob"), str):
            return self._blob(value)
        if value.get("type") in ("image", "audio") and isinstance(value.get("data"), str):
            return self._media(value)
        return {self._text(name): self._member(name, inner, value, rows) for name, inner in value.items()}

    def _member(self, name: str, inner: Any, part: dict[str, Any], rows: list[int]) -> Any:
        if name == "structuredContent":
            rows.append(rows_of(inner))
            if isinstance(inner, dict) and set(inner) == {"result"} and isinstance(inner["result"], str):
                return {"result": self._words(inner["result"], None, rows)}  # a text, wrapped by an SDK
            return self._document(inner, ())
        if name in _PARTS and isinstance(inner, (dict, list)):
            return self._part(inner, rows)
        if name in _WORDS and isinstance(inner, str):
            return self._words(inner, part.get("mimeType"), rows)
        if name in _STRUCTURE and not isinstance(inner, (dict, list)):
            return self._text(inner) if isinstance(inner, str) else self._number(inner)
        return self._document(inner, () if name in _WORDS else (name,))

    def _document(self, value: Any, path: Path) -> Any:
        """A value of the server's own: its fields are found at any depth."""
        if len(path) > _DEEPEST:
            raise Uninspectable("it is nested too deeply")
        if isinstance(value, list):
            return [self._document(inner, path) for inner in value]
        if value is not None and (entry := self._selected(path)) is not None:
            return self._hidden(value, entry)
        if isinstance(value, dict):
            return {self._text(name): self._document(inner, (*path, name)) for name, inner in value.items()}
        if isinstance(value, str):
            return self._inner(value, []) or self._text(value)
        return self._number(value)

    def _number(self, value: Any) -> Any:
        """Or true, false, null: as it is, unless its digits are what a detector finds."""
        if isinstance(value, bool) or value is None:
            return value
        written = json.dumps(value)
        return value if (shown := self._text(written)) == written else shown

    def _inner(self, text: str, rows: list[int]) -> str | None:
        """A text that is a document itself; None where it is none."""
        if not _LOOKS_LIKE_JSON.match(text):
            return None
        try:
            document = json.loads(text)
        except (ValueError, RecursionError):
            return None
        rows.append(rows_of(document))
        masked = self._document(document, ())
        return text if masked == document and not _has_twice(text) else json.dumps(masked, ensure_ascii=False)

    def _words(self, text: str, media: Any, rows: list[int]) -> str:
        """A text for people: the JSON in it, or whatever its media type says it is."""
        found = self._inner(text, rows)
        if found is not None:
            return found
        return self._inspected(
            text.encode("utf-8", "replace"), media if isinstance(media, str) else "text/plain"
        )

    def _inspected(self, data: bytes, media: str) -> str:
        if not self._with_fields and not self._sight.detectors:
            return self._text(data.decode())
        try:
            filtering = self.inspection.filter(media.encode("latin-1", "replace"))
            return (filtering.feed(data) + filtering.finish()).decode("utf-8", "replace")
        except Uninspectable as hidden:
            return self._text(f"[withheld: {hidden}]")

    def _blob(self, value: dict[str, Any]) -> dict[str, Any]:
        """The contents of a resource in base64: text under another name, or what nobody can look into."""
        media = value.get("mimeType")
        media = media if isinstance(media, str) else "application/octet-stream"
        rest = {
            name: self._member(name, inner, {}, [])
            for name, inner in value.items()
            if name not in ("blob", "text")
        }
        if not self._sight.is_needed:
            return {**rest, "blob": value["blob"]}
        try:
            data = base64.b64decode(value["blob"], validate=True)
            filtering = self.inspection.filter(media.encode("latin-1", "replace"))
            shown = filtering.feed(data) + filtering.finish()
        except (binascii.Error, ValueError):
            return {**rest, "mimeType": "text/plain", "text": "[withheld: it is no base64]"}
        except Uninspectable as hidden:
            return {**rest, "mimeType": "text/plain", "text": self._text(f"[withheld: {hidden}]")}
        return {**rest, "blob": base64.b64encode(shown).decode()}

    def _media(self, value: dict[str, Any]) -> dict[str, Any]:
        """A picture or a sound shows what no detector reads."""
        masked = self._blob({**{k: v for k, v in value.items() if k != "data"}, "blob": value["data"]})
        if "blob" in masked:
            return {**{k: v for k, v in masked.items() if k != "blob"}, "data": masked["blob"]}
        return {"type": "text", "text": masked["text"]}

    def _hidden(self, value: Any, entry: SensitiveColumn) -> Any:
        self.inspection.counts.add(entry.pattern, entry.mask)
        if isinstance(value, dict):
            return None if entry.mask == NOTHING else TOKEN.decode()
        text = value if isinstance(value, str) else json.dumps(value)
        masked = self._sight.masks[entry.mask](text.encode("utf-8", "replace"))
        return None if masked is None else masked.decode("utf-8", "replace")

    def _selected(self, path: Path) -> SensitiveColumn | None:
        if not self._with_fields:
            return None
        matches = (self._sight.selectors.match(path[start:]) for start in range(len(path)))
        return next((entry for entry in matches if entry is not None), None)

    def _text(self, text: str) -> str:
        texts = self.inspection.texts
        return texts.redact(text.encode("utf-8", "replace")).decode("utf-8", "replace") if texts else text


def _has_twice(text: str) -> bool:
    """Whether a name stands twice in an object: whoever reads the text may take the other value."""
    twice: list[bool] = []

    def members(pairs: list[tuple[str, Any]]) -> None:
        twice.append(len({name for name, _ in pairs}) != len(pairs))

    json.loads(text, object_pairs_hook=members)
    return any(twice)


def rows_of(document: Any) -> int:
    """How many there are: the elements of a list, also of one that an object wraps; else one."""
    if isinstance(document, list):
        return len(document)
    if isinstance(document, dict):
        return max([1, *(len(inner) for inner in document.values() if isinstance(inner, list))])
    return 1
