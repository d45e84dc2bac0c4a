"""How much of an answer may leave."""

from ingress.terminal.limits import Allowance
from schemas.vocabulary import LimitSource, Obligations


def test_without_limits_all_leaves_and_is_counted() -> None:
    allowance = Allowance(Obligations())
    assert allowance.take(b"a\nb\n") + allowance.take(b"c") == b"a\nb\nc"
    assert (allowance.bytes, allowance.lines, allowance.limit) == (5, 2, "")


def test_bytes_end_within_a_piece_and_nothing_follows() -> None:
    allowance = Allowance(Obligations(bytes=4, limited_by=(LimitSource("bytes", "few bytes"),)))
    assert (allowance.take(b"abc"), allowance.take(b"def"), allowance.take(b"g")) == (b"abc", b"d", b"")
    assert (allowance.bytes, allowance.limit, allowance.rule) == (4, "bytes", "few bytes")


def test_lines_are_whole_and_counted_over_pieces() -> None:
    allowance = Allowance(Obligations(rows=2))
    assert (allowance.take(b"a\n"), allowance.take(b"b\nc\nd"), allowance.take(b"")) == (b"a\n", b"b\n", b"")
    assert (allowance.lines, allowance.limit) == (2, "rows")


def test_what_fits_exactly_ends_nothing() -> None:
    allowance = Allowance(Obligations(rows=1, bytes=2))
    assert (allowance.take(b"a\n"), allowance.limit) == (b"a\n", "")
