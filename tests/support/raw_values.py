"""Finds sensitive values of a database in whatever form they come: the reviewer of the tests of leaks.

It knows the values and folds what it is shown into many forms (decoded, reversed, put together again from
single characters), in each of which it looks for a run of characters of a value.
"""

import base64
import binascii
import hashlib
import re
import struct
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from itertools import zip_longest

import hyperscan

_RUN = 10  # characters in a row that are a leak; all, where a value has less
_SHORT_RUN = 6  # of the few values that are looked at closely
_DIGITS_OF_A_CARD = 16
_DIGEST_RUN = 12  # at the beginning of what a hash function makes of a value
_HEX = re.compile(rb"[0-9a-fA-F]{12,}")
_BASE64 = re.compile(rb"[A-Za-z0-9+/]{8,}")
_BITS = re.compile(rb"[01]{48,}")
_NUMBERS = re.compile(rb"\d+")
_NOTHING_BUT_WORDS = bytes.maketrans(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ", b"abcdefghijklmnopqrstuvwxyz")
_OTHERS = bytes(n for n in range(256) if not chr(n).isalnum() or n > 127)
_DIGITS_AS_LETTERS = bytes.maketrans(b"0123456789", b"abcdefghij")


def words(data: bytes) -> bytes:
    """Letters and digits alone, in lower case."""
    return data.translate(_NOTHING_BUT_WORDS, _OTHERS)


class RawValues:
    """The values to look for. `closely`: those of which also six characters are a leak.

    Of an address the part before the @ counts: a mask shows the rest.
    """

    def __init__(self, values: Iterable[str], closely: Iterable[str] = ()) -> None:
        runs: dict[bytes, str] = {}
        for values_of, length in ((values, _RUN), (closely, _SHORT_RUN)):
            for value in values_of:
                for run in _runs(value, length):
                    runs.setdefault(run, value)
        self._values = list(runs.values())
        self._database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
        flags = hyperscan.HS_FLAG_SINGLEMATCH
        self._database.compile(expressions=list(runs), ids=range(len(runs)), elements=len(runs), flags=flags)

    def found_in(self, data: bytes, rows: Sequence[Sequence[bytes | None]] = ()) -> set[str]:
        """The values that the bytes show, or that the rows show taken together."""
        found: set[str] = set()

        def note(number: int, start: int, end: int, flags: int, context: object) -> None:
            found.add(self._values[number])

        for form in _forms(data, rows):
            self._database.scan(words(form), note)
        return found


def _runs(value: str, length: int) -> Iterator[bytes]:
    """Whatever, seen in an answer, shows that it holds the value."""
    plain = words(value.partition("@")[0].encode())
    forms = [plain, plain[::-1]]
    if plain.isdigit():
        forms += [plain.translate(_DIGITS_AS_LETTERS), b"%x" % int(plain)]
    for form in forms:
        for at in range(max(len(form) - length, 0) + 1):
            yield form[at : at + length]
    for name in ("md5", "sha224", "sha256", "sha384", "sha512"):
        yield hashlib.new(name, value.encode(), usedforsecurity=False).hexdigest()[:_DIGEST_RUN].encode()


def _forms(data: bytes, rows: Sequence[Sequence[bytes | None]]) -> Iterator[bytes]:
    joined = [
        data,
        *(b"".join(value or b"" for value in column) for column in zip_longest(*rows)),
        *(b"".join(value or b"" for value in row) for row in rows),
    ]
    for form in joined:
        yield form
        yield from _decoded(form)
    columns = [[value for value in column if value] for column in zip_longest(*rows)]
    for values in (*columns, *([value for value in row if value] for row in rows)):
        yield _characters(int(value) for value in values if value.isdigit() and len(value) < 4)
        yield _characters(struct.unpack("!i", value)[0] for value in values if len(value) == 4)
        for value in values:
            yield from _numbers(value)


def _decoded(data: bytes) -> Iterator[bytes]:
    for at in range(len(data) - 7) if b"PGCOPY" in data else ():
        number = str(struct.unpack_from("!q", data, at)[0])
        if len(number) == _DIGITS_OF_A_CARD:
            yield number.encode()
    for run in _HEX.findall(data):
        yield bytes.fromhex(run[: len(run) // 2 * 2].decode())
    for run in _BASE64.findall(data.replace(b"\n", b"")):
        for start in range(4):
            whole = run[start : start + (len(run) - start) // 4 * 4]
            try:
                yield base64.b64decode(whole)
            except binascii.Error:  # it was no base64
                continue
    for run in _BITS.findall(data):
        yield int(run, 2).to_bytes(len(run) // 8 + 1, "big")
        yield str(int(run, 2)).encode()
    yield _characters(int(number) for number in _NUMBERS.findall(data) if len(number) < 4)


def _characters(codes: Iterable[int]) -> bytes:
    return bytes(code for code in codes if 0 < code < 128)


def _numbers(value: bytes) -> Iterator[bytes]:
    """What a value in binary is as a number: int8, float8, numeric (utils/adt/numeric.c, numeric_send)."""
    yield value.hex().encode()
    if len(value) == 8:
        yield str(struct.unpack("!q", value)[0]).encode()
        number = struct.unpack("!d", value)[0]
        if 1e8 < abs(number) < 1e20:
            yield str(int(number)).encode()
    if len(value) >= 10 and len(value) % 2 == 0:
        count, weight = struct.unpack_from("!hh", value)
        if len(value) == 8 + 2 * count and abs(weight) < 50:
            digits = struct.unpack_from(f"!{count}h", value, 8)
            number = sum(Decimal(10000) ** (weight - place) * digit for place, digit in enumerate(digits))
            yield str(number).encode()
