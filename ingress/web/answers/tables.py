"""CSV (RFC 4180) and TSV masked record by record: columns by the names in their header, the rest by
detectors."""

import csv
import io
import re
from collections.abc import Mapping

from ingress.web.answers.counting import Counts, Uninspectable
from ingress.web.answers.json_text import Inner
from ingress.web.answers.texts import Texts
from ingress.web.selectors import Selectors
from processors.masking.masks import Mask
from schemas.vocabulary import SensitiveColumn

_LONGEST_RECORD = 1024 * 1024
_LINE = re.compile(r'(?:[^"\r\n]|"[^"]*")*(?:\r\n|\n|\r(?!\Z))')


class TableFilter:
    """A table whose first record names its columns. `inner`: looks at values that may hold a document."""

    def __init__(
        self,
        delimiter: str,
        selectors: Selectors,
        masks: Mapping[str, Mask],
        texts: Texts,
        counts: Counts,
        inner: Inner,
    ) -> None:
        self._delimiter = delimiter
        self._selectors = selectors
        self._masks = masks
        self._texts = texts
        self._counts = counts
        self._inner = inner
        self._bytes = b""
        self._rest = ""
        self._columns: list[SensitiveColumn | None] | None = None

    def feed(self, data: bytes) -> bytes:
        data = self._bytes + data
        cut = len(data)
        while cut and data[cut - 1] >= 0x80:  # no character is cut in two
            cut -= 1
        self._bytes = data[cut:]
        return self._work(data[:cut])

    def finish(self) -> bytes:
        out = self._work(self._bytes)
        if self._rest:
            line = self._rest if self._rest.endswith(("\n", "\r")) else self._rest + "\r\n"
            if _LINE.fullmatch(line) is None and _LINE.fullmatch(line + "\n") is None:
                raise Uninspectable("its table ends within a quoted field")
            out += self._record(line)
        return out

    def _work(self, data: bytes) -> bytes:
        try:
            buffer = self._rest + data.decode("utf-8-sig" if self._columns is None else "utf-8")
        except UnicodeDecodeError:
            raise Uninspectable("its table is not UTF-8") from None
        out, position = [], 0
        while (found := _LINE.match(buffer, position)) is not None:
            out.append(self._record(found[0]))
            position = found.end()
        self._rest = buffer[position:]
        if len(self._rest) > _LONGEST_RECORD:
            raise Uninspectable("a record of its table is too long")
        return b"".join(out)

    def _record(self, line: str) -> bytes:
        ending = line[len(line.rstrip("\r\n")) :]
        try:
            (values,) = csv.reader(io.StringIO(line, newline=""), delimiter=self._delimiter, strict=True)
        except (csv.Error, ValueError):
            if not line.strip("\r\n"):
                return line.encode()
            raise Uninspectable("its table has a record that cannot be read") from None
        if self._columns is None:
            if self._selectors and any(self._is_data(name) for name in values):
                raise Uninspectable("its table has no header")
            self._columns = [self._selectors.match((name.strip(),)) for name in values]
            return self._written([self._found(name) for name in values], ending)
        if len(values) > len(self._columns) and self._selectors:
            raise Uninspectable("its table has a record with more values than columns")
        self._counts.rows += 1
        return self._written([self._masked(number, value) for number, value in enumerate(values)], ending)

    def _is_data(self, name: str) -> bool:
        """Whether what should name a column looks like a value of one."""
        return name.strip().isdigit() or self._texts.redact(name.encode(), counted=False) != name.encode()

    def _masked(self, number: int, value: str) -> str:
        entry = self._columns[number] if self._columns and number < len(self._columns) else None
        if entry is None or not value:
            return self._found(value)
        self._counts.add(entry.pattern, entry.mask)
        masked = self._masks[entry.mask](value.encode())
        return "" if masked is None else masked.decode("utf-8", "replace")

    def _found(self, value: str) -> str:
        if (inner := self._inner((), value)) is not None:
            return inner.decode()
        return self._texts.redact(value.encode()).decode("utf-8", "replace") if self._texts else value

    def _written(self, values: list[str], ending: str) -> bytes:
        out = io.StringIO(newline="")
        csv.writer(out, delimiter=self._delimiter, lineterminator=ending).writerow(values)
        return out.getvalue().encode()
