from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from processors.masking.apply import redact_text
from processors.masking.detectors import DETECTORS
from processors.masking.scan import make_scanner

CORPUS: dict[str, Any] = YAML(typ="safe").load(Path("tests/corpus/detectors.yaml"))
ALL = tuple(DETECTORS)
EXAMPLES = [(detector.name, example) for detector in DETECTORS.values() for example in detector.examples]


def hits() -> Iterator[tuple[str, str, str, str | None]]:
    for name, cases in CORPUS.items():
        for hit in cases.get("hits", ()):
            case = {"text": hit, "raw": hit} if isinstance(hit, str) else hit
            yield name, case["text"], case.get("raw", case["text"]), case.get("shown")


def misses() -> Iterator[tuple[str, str]]:
    for name, cases in CORPUS.items():
        yield from ((name, text) for text in cases["misses"])


@pytest.mark.parametrize(("name", "text", "raw", "shown"), list(hits()))
def test_a_detector_finds(name: str, text: str, raw: str, shown: str | None) -> None:
    redacted = redact_text(text, (name,))
    assert raw not in redacted
    assert len(redacted.encode()) == len(text.encode())
    assert shown in (None, redacted)
    assert raw not in redact_text(text, ALL)


@pytest.mark.parametrize(("name", "text"), list(misses()))
def test_a_detector_leaves_alone(name: str, text: str) -> None:
    names = (name,) if name in DETECTORS else ALL
    assert redact_text(text, names) == text


@pytest.mark.parametrize(("name", "example"), EXAMPLES)
@pytest.mark.parametrize(
    "before",
    [
        b"",
        b" ",
        b"'",
        b"D\x00\x00\x00",
        b"\x00\x00\x000",
        b"\x00\x00\x009",
        b"\x00\x00\x00A",
        b"\x00\x00\x00z",
        b"\x00\x0000",
    ],
)
@pytest.mark.parametrize("after", [b"", b" ", b"\x00\x00\x00\x01", b"D\x00", b"\xff\xff\xff\xff", b'"'])
def test_a_candidate_lies_in_the_value_whatever_surrounds_it(
    name: str, example: bytes, before: bytes, after: bytes
) -> None:
    candidates = make_scanner((name,)).candidates(before + example + after)
    assert any(len(before) <= at < len(before) + len(example) for at, _ in candidates)


@given(
    st.lists(st.sampled_from([example for _, example in EXAMPLES] + [b" ", b"x", b"1", b"\\", b"\n", b"@"]))
)
def test_what_was_masked_is_not_found_again_and_keeps_its_length(parts: list[bytes]) -> None:
    scanner, counts = make_scanner(ALL), [0] * len(ALL)
    value = b" ".join(parts)
    once = scanner.redact_all(value, counts)
    assert len(once) == len(value)
    assert (once is value) == (sum(counts) == 0)
    for _, example in EXAMPLES:
        assert example not in once


@given(st.binary(max_size=200))
def test_any_bytes_keep_their_length(value: bytes) -> None:
    counts = [0] * len(ALL)
    assert len(make_scanner(ALL).redact_all(value, counts)) == len(value)


@given(
    st.text(st.characters(codec="utf-8"), max_size=80),
    st.sampled_from([example.decode() for _, example in EXAMPLES]),
)
def test_text_stays_text(text: str, example: str) -> None:
    redacted = redact_text(f"{text} {example} {text}", ALL)
    assert example not in redacted


def test_an_unknown_detector_is_refused() -> None:
    with pytest.raises(ValueError, match="no detector is called iris"):
        make_scanner(("email", "iris"))


@pytest.mark.timeout(60)
@pytest.mark.parametrize("detector", list(DETECTORS.values()), ids=list(DETECTORS))
def test_a_detector_runs_in_linear_time(detector: Any) -> None:
    """One that looks back from every position would take hours on this."""
    units = [
        b"a",
        b"a.",
        b"a@",
        b"@",
        b"\\n",
        b"1",
        b"1 ",
        b"+1 ",
        b"4111 ",
        b"-eyJ",
        b"DE89",
        b"-----BEGIN A ",
        *detector.examples,
    ]
    for unit in units:
        value = unit * (300_000 // len(unit))
        redacted, _ = detector.redact(value)
        assert len(redacted) == len(value)
