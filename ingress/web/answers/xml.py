"""XML masked as it streams by: elements and attributes by selector, other text by detectors.

Expat reads it; a document type with entities is refused, since an entity can stand for anything.
"""

from collections.abc import Mapping
from typing import Any
from xml.parsers import expat
from xml.sax.saxutils import escape, quoteattr

from ingress.web.answers.counting import Counts, Uninspectable
from ingress.web.answers.json_text import Inner
from ingress.web.answers.texts import Texts
from ingress.web.selectors import Selectors
from processors.masking.masks import Mask
from schemas.vocabulary import SensitiveColumn

_DEEPEST = 200
_LONGEST_TEXT = 16 * 1024 * 1024  # characters of one text


class XmlFilter:
    """One document. `$.customer.email` is the element `email` in `customer`, at the root or within a root
    element; an attribute is a step as well. `inner`: looks at texts that may hold a document."""

    def __init__(
        self, selectors: Selectors, masks: Mapping[str, Mask], texts: Texts, counts: Counts, inner: Inner
    ) -> None:
        self._selectors = selectors
        self._masks = masks
        self._texts = texts
        self._counts = counts
        self._inner = inner
        self._out: list[str] = []
        self._path: list[str] = []
        self._text: list[str] = []
        self._length = 0
        self._hidden_at = 0  # the depth of the masked element that is open, or 0
        self._hidden: SensitiveColumn | None = None
        parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.ordered_attributes = True
        parser.XmlDeclHandler = self._declaration
        parser.StartDoctypeDeclHandler = self._refused
        parser.EntityDeclHandler = self._refused
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._characters
        self._parser = parser

    def feed(self, data: bytes) -> bytes:
        return self._parse(data, is_last=False)

    def finish(self) -> bytes:
        return self._parse(b"", is_last=True)

    def _parse(self, data: bytes, *, is_last: bool) -> bytes:
        try:
            self._parser.Parse(data, is_last)
        except expat.ExpatError:
            raise Uninspectable("it is no well-formed XML") from None
        out, self._out = "".join(self._out), []
        return out.encode()

    def _declaration(self, version: str, encoding: str | None, standalone: int) -> None:
        self._out.append(f'<?xml version="{version}" encoding="UTF-8"?>')

    def _refused(self, *_: Any) -> None:
        raise Uninspectable("its XML has a document type of its own")

    def _start(self, name: str, attributes: list[str]) -> None:
        self._leave()
        self._path.append(name.rpartition(":")[2])
        if len(self._path) > _DEEPEST:
            raise Uninspectable("its XML is nested too deeply")
        if self._hidden_at:
            return
        given = zip(attributes[::2], attributes[1::2], strict=True)
        shown = "".join(f" {key}={quoteattr(self._attribute(key, value))}" for key, value in given)
        self._out.append(f"<{name}{shown}>")
        if (entry := self._selected()) is not None:
            self._hidden_at, self._hidden = len(self._path), entry

    def _end(self, name: str) -> None:
        if self._hidden_at == len(self._path):
            value = "".join(self._text)
            self._text, self._length = [], 0
            assert self._hidden is not None
            self._counts.add(self._hidden.pattern, self._hidden.mask)
            self._out.append(escape(self._mask(self._hidden, value)))
            self._hidden_at, self._hidden = 0, None
        self._leave()
        self._path.pop()
        if not self._hidden_at:
            self._out.append(f"</{name}>")

    def _characters(self, text: str) -> None:
        self._text.append(text)
        self._length += len(text)
        if self._length > _LONGEST_TEXT:
            raise Uninspectable("a text of its XML is too long to be looked at")

    def _leave(self) -> None:
        if self._hidden_at or not self._text:
            return
        text = "".join(self._text)
        self._text, self._length = [], 0
        self._out.append(escape(self._found(text)))

    def _attribute(self, name: str, value: str) -> str:
        self._path.append(name.rpartition(":")[2])
        entry = self._selected()
        self._path.pop()
        if entry is None:
            return self._found(value)
        self._counts.add(entry.pattern, entry.mask)
        return self._mask(entry, value)

    def _mask(self, entry: SensitiveColumn, value: str) -> str:
        masked = self._masks[entry.mask](value.strip().encode())
        return "" if masked is None else masked.decode("utf-8", "replace")

    def _found(self, value: str) -> str:
        if (inner := self._inner((), value)) is not None:
            return inner.decode()
        return self._texts.redact(value.encode()).decode("utf-8", "replace") if self._texts else value

    def _selected(self) -> SensitiveColumn | None:
        """By the whole path, or by what is below any of the elements around it: XML has a root where JSON
        has none, and an element around each entry of a list."""
        if not self._selectors:
            return None
        path = tuple(self._path)
        return next(
            (
                entry
                for start in range(len(path))
                if (entry := self._selectors.match(path[start:])) is not None
            ),
            None,
        )
