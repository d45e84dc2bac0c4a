"""Media type and masking plan -> the filter for an answer's body. What cannot be inspected is refused."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache

from ingress.web.answers.counting import Counts, Filter, Uninspectable
from ingress.web.answers.events import EventsFilter
from ingress.web.answers.json_text import JsonFilter
from ingress.web.answers.multipart import MultipartFilter, boundary_of
from ingress.web.answers.plain import PlainFilter
from ingress.web.answers.tables import TableFilter
from ingress.web.answers.texts import Texts
from ingress.web.answers.xml import XmlFilter
from ingress.web.selectors import Path, Selectors
from processors.masking.masks import Mask
from schemas.vocabulary import MaskingPlan, SensitiveColumn

_JSON = re.compile(r"(?:application|text)/(?:[\w.+-]+\+)?json")
_MANY = re.compile(
    r"(?:application|text)/(?:x-)?(?:ndjson|jsonl|json-lines|jsonlines|json-seq)|application/stream\+json"
)
_XML = re.compile(r"(?:application|text)/(?:[\w.+-]+\+)?xml")
_TABLES = {"text/csv": ",", "application/csv": ",", "text/tab-separated-values": "\t"}
_TEXT = re.compile(
    r"text/[\w.+-]+|application/(?:javascript|x-javascript|ecmascript|yaml|x-yaml|toml|sql|graphql)"
)
_BYTES = "application/octet-stream"  # as which a message of bytes counts
_HTML = ("text/html", "application/xhtml+xml")
# Encodings in which every ASCII byte is that character, wherever it stands.
_CHARSET = re.compile(r"utf-?8|us-ascii|ascii|iso-8859-\d{1,2}|latin-?1|windows-125\d", re.IGNORECASE)
_PARAMETER = re.compile(r"""charset\s*=\s*"?([^\s";]+)""", re.IGNORECASE)


# What is no field of anything: an empty event, a keep-alive, the end of a stream as OpenAI's APIs write it.
_SCALAR = re.compile(rb"|ping|\[DONE\]|null|true|false")


@dataclass(frozen=True, slots=True)
class Sight:
    """What is sensitive in the answers of a resource, and how it is masked."""

    selectors: Selectors
    masks: Mapping[str, Mask]
    detectors: tuple[str, ...]
    secrets: tuple[bytes, ...]  # of the gateway: an API that repeats its request must not show them
    uninspected: tuple[str, ...]  # media types that may leave without having been looked at

    @property
    def is_needed(self) -> bool:
        """Whether anything that leaves must have been looked at."""
        return bool(self.selectors) or bool(self.detectors)


def make_sight(
    plan: MaskingPlan, masks: Mapping[str, Mask], secrets: tuple[bytes, ...], uninspected: tuple[str, ...]
) -> Sight:
    return Sight(_selectors(plan.columns), masks, plan.detectors, secrets, uninspected)


@lru_cache(maxsize=256)
def _selectors(columns: tuple[SensitiveColumn, ...]) -> Selectors:
    """The same for the answers of all requests under a rule, with the paths it has met."""
    return Selectors(columns)


def _is_text(data: bytes) -> bool:
    try:
        return "\0" not in data.decode()
    except UnicodeDecodeError:
        return False


class PassFilter:
    """What may leave as it is."""

    def feed(self, data: bytes) -> bytes:
        return data

    def finish(self) -> bytes:
        return b""


class Inspection:
    """One answer's filters, and what they count."""

    def __init__(self, sight: Sight) -> None:
        self.counts = Counts()
        self._sight = sight
        self.texts = Texts(sight.detectors, sight.secrets, self.counts)

    @property
    def changes_length(self) -> bool:
        """Whether what leaves may be longer or shorter than what came; stars over a credential are not."""
        return self._sight.is_needed

    def filter(self, content_type: bytes, coding: bytes = b"") -> Filter:
        """The filter for a body of this Content-Type. Raises Uninspectable.

        `coding`: a Content-Encoding that was not undone, as in a part of a multipart body."""
        sight = self._sight
        if not sight.is_needed:
            return self._unneeded()
        whole = content_type.decode("latin-1")
        media = whole.partition(";")[0].strip().lower()
        if any(fnmatchcase(media, pattern) for pattern in sight.uninspected):
            return self._unneeded()
        if coding.lower() not in (b"", b"identity"):
            raise Uninspectable("a part of it is compressed")
        charset = _PARAMETER.search(whole)
        if charset is not None and _CHARSET.fullmatch(charset[1]) is None:
            raise Uninspectable(f"its encoding {charset[1]!r} is not one the gateway reads")
        if _MANY.fullmatch(media):
            return self._json(many=True)
        if _JSON.fullmatch(media):
            return self._json(many=False)
        if media == "text/event-stream":
            return EventsFilter(self._event_data, self.texts.redact)
        if media in _TABLES:
            return TableFilter(
                _TABLES[media], sight.selectors, sight.masks, self.texts, self.counts, self._inner
            )
        if media.startswith("multipart/"):
            if media == "multipart/byteranges":
                raise Uninspectable("it is a part of something")
            return MultipartFilter(boundary_of(content_type), self.filter, self.texts.redact)
        if _XML.fullmatch(media) and media not in _HTML:
            return XmlFilter(sight.selectors, sight.masks, self.texts, self.counts, self._inner)
        if _TEXT.fullmatch(media):
            if sight.selectors:
                raise Uninspectable(f"{media} has no fields that could be told apart")
            return PlainFilter(self.texts, references=media in _HTML)
        raise Uninspectable(f"the gateway cannot look into {media or 'what has no media type'}")

    def message(self, data: bytes, *, is_text: bool) -> bytes:
        """One message of a WebSocket, masked for itself; bytes are read where they are text all the same.
        Raises Uninspectable."""
        may_pass = not is_text and any(fnmatchcase(_BYTES, one) for one in self._sight.uninspected)
        if may_pass or not self._sight.is_needed:
            filtering = self._unneeded()
        elif is_text or _is_text(data):
            filtering = self._event_data(data)
        else:
            raise Uninspectable("the gateway cannot look into a message of bytes")
        return filtering.feed(data) + filtering.finish()

    def _json(self, *, many: bool, path: Path = ()) -> JsonFilter:
        sight = self._sight
        return JsonFilter(
            sight.selectors, sight.masks, self.texts, self.counts, many=many, inner=self._inner, path=path
        )

    def _inner(self, path: Path, value: str) -> bytes | None:
        """A text at this path that is a document itself, masked; None where it is none, or nothing is in it.

        Its fields are found as those of a document of their own, and as those of the one around it."""
        if not self._sight.selectors or not value.lstrip().startswith(("{", "[", '"')):
            return None
        rows, found = self.counts.rows, value.encode("utf-8", "replace")
        try:
            for place in dict.fromkeys(((), path)):
                filtering = self._json(many=True, path=place)
                found = filtering.feed(found) + filtering.finish()
        except Uninspectable:
            return None  # as words that begin so
        finally:
            self.counts.rows = rows  # which are those of the whole answer
        return None if found == value.encode("utf-8", "replace") else found

    def _event_data(self, data: bytes) -> Filter:
        """Of an event: JSON where it looks so; other text only where there are no fields to be masked."""
        if _SCALAR.fullmatch(data.strip()):
            return PlainFilter(self.texts)
        if data.lstrip()[:1] in (b"{", b"[", b'"'):
            return self._json(many=False)
        if self._sight.selectors:
            raise Uninspectable("the data of an event is no JSON")
        return PlainFilter(self.texts)

    def _unneeded(self) -> Filter:
        """For what may leave without having been looked at: it shows no credential of the gateway all the
        same."""
        if not self.texts:
            return PassFilter()
        return PlainFilter(self.texts, longest=self.texts.longest, is_text=False)
