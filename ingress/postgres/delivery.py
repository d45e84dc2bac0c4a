"""Rows on their way to the client: as many as the limits let through, masked, and recorded."""

from dataclasses import dataclass, field, replace

from ingress.interface import Frame, Record
from ingress.postgres.codec import Block
from ingress.postgres.execution import Execution, Expected, Kind
from ingress.postgres.limits import Stop, Used, first_messages, stop_at
from ingress.postgres.messages import make_row_description, parse_row_description
from ingress.postgres.results import ResultMasker

_CURSORS = 1024  # whose fetched rows are counted
_NOTHING_USED = Used()


@dataclass(slots=True)
class Delivered:
    """What becomes of a block of rows. `stop`: the limit at which it was cut off."""

    data: bytes = b""
    records: list[Record] = field(default_factory=list)
    stop: Stop | None = None


class Delivery:
    """Of one session's answers: remembers what was fetched from each SQL cursor."""

    def __init__(self) -> None:
        self._fetched: dict[str, Used] = {}

    def rows(self, block: Block, head: Expected, execution: Execution) -> Delivered:
        """Rows of an answer that nobody stopped. Raises TargetError where they are not as described."""
        delivered = Delivered()
        data, count = block.data, block.count
        limits = execution.allowed.obligations if execution.allowed is not None else None
        before = self._used_before(execution)
        if limits is not None and limits.rows is not None:
            left = limits.rows - before.rows - execution.rows
            if count > left:
                data, count = first_messages(data, count=max(left, 0))
                delivered.stop = stop_at("rows", limits.rows, limits)
        masker, source = execution.masker, data
        if masker is not None:
            if head.kind is Kind.EXECUTE and not execution.rows:
                delivered.records += _describe_late(masker, head, execution)
            data = _mask(masker, block.kind, data)
        if limits is not None and limits.bytes is not None:
            left = limits.bytes - before.bytes - execution.bytes
            if len(data) > left:
                data, count = first_messages(data, size=max(left, 0))
                delivered.stop = delivered.stop or stop_at("bytes", limits.bytes, limits)
        execution.rows += count
        execution.bytes += len(data)
        delivered.data = data
        if data:
            if execution.recorded is not None:
                data = _mask(execution.recorded, block.kind, first_messages(source, count=count)[0])
            delivered.records.append(Record(Frame.ANSWER, data))
        return delivered

    def ended(self, execution: Execution) -> None:
        """What it used counts for later FETCHes of its cursor."""
        cursor = execution.statement.fetches if execution.statement is not None else None
        if cursor is None:
            return
        used = self._fetched.setdefault(cursor, Used())
        used.rows += execution.rows
        used.bytes += execution.bytes
        if len(self._fetched) > _CURSORS:
            del self._fetched[next(iter(self._fetched))]

    def succeeded(self, execution: Execution) -> None:
        """A cursor that it declared is another than the one of that name before."""
        if execution.statement is not None and execution.statement.declares is not None:
            self._fetched.pop(execution.statement.declares[0], None)

    def _used_before(self, execution: Execution) -> Used:
        """What earlier FETCHes of the same cursor used: its limits hold for all of them together."""
        fetches = execution.statement.fetches if execution.statement is not None else None
        return self._fetched.get(fetches, _NOTHING_USED) if fetches is not None else _NOTHING_USED


def _describe_late(masker: ResultMasker, head: Expected, execution: Execution) -> list[Record]:
    """In the extended protocol the rows' description came before, with Describe.

    The recording gets it again, with the formats that the rows really have.
    """
    portal = head.portal
    if portal is None:
        return []  # without a description the masker masks everything
    body = portal.description if portal.description is not None else portal.prepared.description
    if not body:
        return []
    formats = portal.bind.result_formats
    for one in (masker, execution.recorded):
        if one is not None:
            one.describe(body)
            one.formats(formats)
    fields = parse_row_description(body)
    if len(formats) == 1:
        formats = formats * len(fields)
    if len(formats) == len(fields):
        fields = tuple(replace(f, format=form) for f, form in zip(fields, formats, strict=True))
    return [Record(Frame.ANSWER, make_row_description(fields))]


def _mask(masker: ResultMasker, kind: bytes, data: bytes) -> bytes:
    """Whole DataRow or CopyData messages, masked."""
    return masker.rows(data) if kind == b"D" else masker.copy_data(data)
