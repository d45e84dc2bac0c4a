"""The ways a stream of bytes can arrive: whole, byte by byte, and cut anywhere.

A codec must give the same events for each of them (h11's tests do it so).
"""

from collections.abc import Iterator
from itertools import pairwise

from hypothesis import strategies as st


def every_split(data: bytes) -> Iterator[tuple[bytes, ...]]:
    """Whole, byte by byte, and in two pieces at every place."""
    yield (data,)
    yield tuple(data[at : at + 1] for at in range(len(data)))
    for at in range(1, len(data)):
        yield data[:at], data[at:]


def cut(data: bytes, places: list[int]) -> tuple[bytes, ...]:
    """The pieces of `data` between these places, which may be in any order and lie outside."""
    inside = sorted({place for place in places if 0 < place < len(data)})
    edges = [0, *inside, len(data)]
    return tuple(data[start:end] for start, end in pairwise(edges))


def chunked(data: bytes) -> st.SearchStrategy[tuple[bytes, ...]]:
    """Any cutting of `data` into pieces, for property tests."""
    places = st.integers(min_value=1, max_value=max(1, len(data) - 1))
    return st.lists(places, max_size=12).map(lambda chosen: cut(data, chosen))
