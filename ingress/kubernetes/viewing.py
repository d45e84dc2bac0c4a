"""How an answer of a cluster is looked at: objects by their fields, logs and all else by detectors."""

from collections.abc import Mapping

from ingress.kubernetes.requested import Requested
from ingress.kubernetes.sensitivity import selectors_of, with_base64
from ingress.terminal.screen import Screen
from ingress.web.answers.counting import Counts, Filter, Uninspectable
from ingress.web.answers.json_text import JsonFilter
from ingress.web.answers.plain import PlainFilter
from ingress.web.answers.texts import Texts
from ingress.web.selectors import Path
from processors.masking.masks import TOKEN, Mask
from schemas.vocabulary import MaskingPlan

_OPENAPI = "/openapi/"
_LONGEST_ANNOTATION = 256  # characters of one in a secret object that is no JSON: longer ones hold copies


class AnswerViewing:
    """One answer. `is_error`: objects or not, the server's own words are text."""

    def __init__(
        self,
        requested: Requested,
        plan: MaskingPlan,
        masks: Mapping[str, Mask],
        secrets: tuple[bytes, ...],
    ) -> None:
        self.counts = Counts()
        self.texts = Texts(plan.detectors, secrets, self.counts)
        self._requested = requested
        self._selectors = selectors_of(requested.kind, plan.columns) if requested.resource else None
        self._masks = with_base64(masks)
        self._detectors = plan.detectors

    @property
    def changes_length(self) -> bool:
        return True

    def filter(self, content_type: bytes) -> Filter:
        """The filter for a body of this Content-Type. Raises Uninspectable."""
        media = content_type.decode("latin-1").partition(";")[0].strip().lower()
        if self._requested.path.startswith(_OPENAPI):
            # What the cluster serves, the same for everybody.
            return PlainFilter(Texts((), (), self.counts), longest=0, is_text=False)
        if media == "application/json":
            return self._json(many=self._requested.is_watch)
        if self._requested.is_log and media == "text/plain":
            return LogFilter(Screen(self._detectors), self.texts, self.counts)
        if media == "text/plain":
            return PlainFilter(self.texts)  # an object is never sent as plain text
        raise Uninspectable(f"the gateway cannot look into {media or 'what has no media type'}")

    def _json(self, *, many: bool) -> JsonFilter:
        selectors = self._selectors if self._selectors is not None else selectors_of("", ())
        inner = self._annotation if selectors else None
        return JsonFilter(selectors, self._masks, self.texts, self.counts, many=many, inner=inner)

    def _annotation(self, path: Path, value: str) -> bytes | None:
        """An annotation of an object with sensitive fields may be a copy of the object: what `kubectl apply`
        and its like applied last."""
        if path[-2:-1] != ("annotations",):
            return None
        if not value.lstrip().startswith(("{", "[")):
            return TOKEN if len(value) > _LONGEST_ANNOTATION else None
        filtering = self._json(many=False)
        try:
            return filtering.feed(value.encode("utf-8", "replace")) + filtering.finish()
        except Uninspectable:
            return TOKEN


class LogFilter:
    """A container's log as it grows."""

    def __init__(self, screen: Screen, texts: Texts, counts: Counts) -> None:
        self._screen = screen
        self._texts = texts
        self._counts = counts

    @property
    def keeps(self) -> bool:
        return self._screen.keeps

    def feed(self, data: bytes) -> bytes:
        shown = self._screen.write(data)
        self._counts.rows += shown.count(b"\n")
        return shown

    def settle(self) -> bytes:
        return self._screen.settle()

    def finish(self) -> bytes:
        shown = self._screen.close()
        self._counts.rows += shown.count(b"\n")
        for name, count in self._screen.masked.items():
            self._counts.add(f"detector:{name}", "detector", count)
        return shown
