import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.masking.detectors import DETECTORS
from processors.masking.detectors._core import Detector


@pytest.mark.parametrize("detector", list(DETECTORS.values()), ids=list(DETECTORS))
def test_examples_are_found_and_counter_examples_are_not(detector: Detector) -> None:
    for example in detector.examples:
        redacted, count = detector.redact(example)
        assert count == 1
        assert redacted != example
        assert len(redacted) == len(example)
    for counter_example in detector.counter_examples:
        redacted, count = detector.redact(counter_example)
        assert redacted is counter_example
        assert count == 0


def test_every_detector_is_listed_under_its_name() -> None:
    assert all(detector.name == name for name, detector in DETECTORS.items())
    assert set(DETECTORS) == {
        "card_number", "iban", "email", "phone", "us_ssn", "aws_key", "private_key", "jwt",
    }  # fmt: skip


@given(st.text("41 .-@ab", max_size=80))
def test_spans_are_what_is_masked(text: str) -> None:
    value = f"4111111111111111 {text}".encode()
    for name in ("card_number", "email", "phone"):
        shown, count = DETECTORS[name].redact(value)
        spans = list(DETECTORS[name].spans(value))
        assert len(spans) == count
        outside = bytearray(value)
        for start, end in spans:
            outside[start:end] = shown[start:end]
        assert bytes(outside) == shown
