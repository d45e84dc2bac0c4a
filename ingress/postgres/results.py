"""The answer to one command, masked: what the target sent -> what may leave the gateway.

Bytes in, bytes out: the session hands over whole messages in the order in which the target sent them, and
every text beside the rows too. Nothing accumulates but counts. The parts are in `answers/`.
"""

import struct
from collections import Counter
from collections.abc import Mapping
from functools import partial

from ingress.errors import TargetError
from ingress.postgres.answers.blocks import LEAST, change_rows, detect_rows
from ingress.postgres.answers.columns import (
    Column,
    Field,
    FindOrigin,
    Kind,
    decide,
    decide_copy,
    parse_fields,
    undescribed,
)
from ingress.postgres.answers.copy_blocks import detect_block
from ingress.postgres.answers.copy_lines import BinaryTuples, TextLines, change_lines, detect_in_lines
from ingress.postgres.answers.copy_options import CopyOptions
from ingress.postgres.answers.detect import card_to_null, detect, detect_in_hex
from ingress.postgres.answers.rows import Change, ColumnChange, change_columns, row_width
from ingress.postgres.answers.scrub import Scrubber
from processors.masking.masks import MASKS, Mask
from processors.masking.scan import make_scanner
from schemas.vocabulary import MaskedField, MaskingPlan

_COPY_BODY = struct.Struct("!bh")  # overall format, number of columns


class ResultMasker:
    """Masks one command's answer.

    `plan`: the verdict's obligation. `origin`: Catalogue.origin. `proven`: all that the command does is
    proven (no `unknown` among its intents). `exports`: `export` is among them. `copy`: copy_options(text)
    of a COPY statement. `masks`: by name, with the gateway's key. `unmasked`: the columns left clear in rows,
    where the target and lineage both say that a value is that very column's. Raises ValueError when the plan
    names a mask or detector that is not known here.
    """

    def __init__(
        self,
        plan: MaskingPlan,
        origin: FindOrigin,
        *,
        proven: bool,
        exports: bool = False,
        copy: CopyOptions | None = None,
        masks: Mapping[str, Mask] = MASKS,
        unmasked: tuple[str, ...] = (),
    ) -> None:
        unknown = {*plan.outputs, plan.unproven, *(column.mask for column in plan.columns)} - {"", *masks}
        if unknown:
            raise ValueError(f"no mask is called {', '.join(sorted(unknown))}")
        self._plan = plan
        self._masks = masks
        self._unmasked = frozenset(unmasked)
        self._origin = origin
        self._copy_options = copy
        self._hides = bool(plan.columns or plan.unproven or any(plan.outputs))
        self._scanner = make_scanner(plan.detectors) if plan.detectors else None
        self._found = [0] * len(self._scanner.names) if self._scanner else []
        self._scrubber = Scrubber(sensitive=self._hides, proven=proven, exports=exports, redact=self._redact)
        self._fields: tuple[Field, ...] | None = None
        self._formats: tuple[int, ...] | None = None
        self._columns: tuple[Column, ...] | None = None
        self._changes: list[ColumnChange] = []
        self._counts: list[int] = []  # by column
        self._counted: Counter[tuple[str, str]] = (
            Counter()
        )  # of columns that are no longer those of the answer
        self._copied: BinaryTuples | TextLines | None = None
        self._copies_binary = False

    def describe(self, body: bytes) -> None:
        """The body of the RowDescription of the rows that follow. Raises TargetError."""
        self._forget_columns()
        self._fields = parse_fields(body)

    def formats(self, codes: tuple[int, ...]) -> None:
        """The result format codes of Bind: none (all text), one for all, or one a column. They hold for a
        RowDescription of the statement, which does not know them."""
        self._forget_columns()
        self._formats = codes

    def rows(self, block: bytes) -> bytes:
        """One or many whole DataRow messages, masked. Raises TargetError when they are not as described."""
        if not block or not (self._hides or self._scanner):
            return block
        columns = self._columns if self._columns is not None else self._decide(block)
        in_bulk = len(block) >= LEAST
        if self._changes:
            change = change_rows if in_bulk else change_columns
            block = change(block, len(columns), self._changes, self._counts)
        if self._scanner is None:
            return block
        return (detect_rows if in_bulk else detect)(block, columns, self._scanner, self._found)

    def copy_begins(self, body: bytes) -> None:
        """The body of a CopyOutResponse. Raises TargetError."""
        try:
            binary, count = _COPY_BODY.unpack_from(body)
        except struct.error as error:
            raise TargetError("the target sent a malformed COPY response") from error
        if count < 0 or len(body) != _COPY_BODY.size + 2 * count:
            raise TargetError("the target sent a malformed COPY response")
        self._forget_columns()
        self._copies_binary = bool(binary)
        self._columns = decide_copy(count, self._copies_binary, self._plan, self._masks)
        self._counts = [0] * count
        masks = [column.mask for column in self._columns]
        if self._copies_binary:
            self._copied = BinaryTuples(masks, self._scanner, self._counts, self._found)
        elif any(masks):
            self._copied = TextLines(masks, self._copy_options, self._counts)

    def copy_data(self, block: bytes) -> bytes:
        """One or many whole CopyData messages, masked. Raises TargetError when they are not as announced."""
        if not (self._hides or self._scanner):
            return block
        if self._columns is None:
            raise TargetError("the target sent COPY data without announcing it")
        in_bulk = len(block) >= LEAST
        if self._copied is not None:
            changed = self._copied.change_block(block) if in_bulk else None
            block = change_lines(block, self._copied.change) if changed is None else changed
        if self._scanner is None or self._copies_binary:
            return block
        detect_copied = detect_block if in_bulk else detect_in_lines
        return detect_copied(block, self._scanner, self._found, self._copy_options)

    def text(self, body: bytes) -> bytes:
        """The body of an ErrorResponse or NoticeResponse, without values. Raises TargetError."""
        return self._scrubber.text(body)

    def notification(self, body: bytes) -> bytes:
        """The body of a NotificationResponse, without values. Raises TargetError."""
        return self._scrubber.notification(body)

    def parameter(self, body: bytes) -> bytes:
        """The body of a ParameterStatus, without values. Raises TargetError."""
        return self._scrubber.parameter(body)

    def masked(self) -> tuple[MaskedField, ...]:
        """What was masked so far, and how often."""
        counted = self._counted + self._count_columns()
        for name, count in zip(self._plan_detectors(), self._found, strict=True):
            counted[f"detector:{name}", name] += count
        return tuple(
            MaskedField(field, mask, count) for (field, mask), count in sorted(counted.items()) if count
        )

    def _decide(self, block: bytes) -> tuple[Column, ...]:
        """What happens to each column; to all of them NULL when no description came."""
        if self._fields is None:
            columns = undescribed(row_width(block))
        else:
            binary = self._binary(self._fields)
            columns = decide(
                self._fields, binary, self._plan, self._origin, self._masks, unmasked=self._unmasked
            )
        self._columns = columns
        self._counts = [0] * len(columns)
        self._changes = []
        before = -1
        for index, column in enumerate(columns):
            change = column.mask or self._check(index, column)
            if change is not None:
                self._changes.append(ColumnChange(index - before - 1, change, index))
                before = index
        return columns

    def _binary(self, fields: tuple[Field, ...]) -> tuple[bool, ...]:
        """Whether each column comes in binary (protocol documentation, Bind: none, one or all codes)."""
        codes = self._formats
        if codes is None:
            return tuple(field.binary for field in fields)
        if len(codes) <= 1:
            return (codes == (1,),) * len(fields)
        if len(codes) != len(fields):
            raise TargetError("the target sent a row description that does not fit the formats asked for")
        return tuple(code != 0 for code in codes)

    def _check(self, index: int, column: Column) -> Change | None:
        """For a column that may be shown: what detectors must do that they cannot do in place."""
        if self._scanner is None or column.is_unmasked:
            return None
        if column.kind is Kind.BYTES and not column.binary:
            return partial(detect_in_hex, scanner=self._scanner, counts=self._found)
        if column.kind is Kind.NUMBER and column.binary:
            assert self._fields is not None
            return card_to_null(self._fields[index].type, self._scanner, self._found)
        return None

    def _redact(self, value: bytes) -> bytes:
        if self._scanner is None:
            return value
        return self._scanner.redact_all(value, self._found)

    def _forget_columns(self) -> None:
        self._counted += self._count_columns()
        self._columns = None
        self._changes = []
        self._counts = []
        self._copied = None

    def _count_columns(self) -> Counter[tuple[str, str]]:
        counted: Counter[tuple[str, str]] = Counter()
        for column, count in zip(self._columns or (), self._counts, strict=True):
            if column.mask is not None:
                counted[column.field, column.mask_name] += count
        return counted

    def _plan_detectors(self) -> tuple[str, ...]:
        return self._scanner.names if self._scanner else ()
