from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML
from support.answers import error, read_error

from ingress.errors import TargetError
from ingress.postgres.answers.scrub import Scrubber
from processors.masking.apply import redact_bytes

CASES: list[dict[str, Any]] = YAML(typ="safe").load(Path("tests/corpus/errors.yaml"))


def redact(value: bytes) -> bytes:
    return redact_bytes(value, ("email", "card_number"))


def scrubber(*, sensitive: bool = True, proven: bool = True, exports: bool = False) -> Scrubber:
    return Scrubber(sensitive=sensitive, proven=proven, exports=exports, redact=redact)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_an_error_or_notice_becomes(case: dict[str, Any]) -> None:
    scrubbing = scrubber(sensitive=case.get("sensitive", True), proven=case.get("proven", True))
    shown = read_error(scrubbing.text(error(**case["said"])))
    expected = case["said"] | case.get("shown", {})
    assert shown == {kind: value for kind, value in expected.items() if value is not None}
    for secret in case.get("secrets", ()):
        assert secret not in str(shown)


SECRET = "Zq7-53cr3t"
WORDS = st.sampled_from(
    ["invalid input syntax for type integer: ", '"', "'", "(", ")", " ", "\n", "12", "é", "»"]
)


@given(st.lists(WORDS, max_size=5), st.lists(WORDS, max_size=5), st.sampled_from("MDHWq"))
def test_a_quoted_value_does_not_stay(before: list[str], after: list[str], kind: str) -> None:
    text = "".join(before) + f'"{SECRET}"' + "".join(after)
    said = {"S": "ERROR", "V": "ERROR", "C": "22P02", "M": "x", kind: text}
    assert SECRET not in str(read_error(scrubber().text(error(**said))))


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=30))
def test_nothing_of_a_raised_text_stays(text: str) -> None:
    said = {"S": "ERROR", "V": "ERROR", "C": "P0001", "M": text, "D": text, "H": text, "W": text, "n": text}
    shown = read_error(scrubber().text(error(**said)))
    assert {kind: shown[kind] for kind in "MDW"} == dict.fromkeys("MDW", "[masked]")
    assert "n" not in shown


def test_where_nothing_is_sensitive_only_detectors_run() -> None:
    scrubbing = scrubber(sensitive=False, proven=False)
    said = {"S": "ERROR", "C": "P0001", "M": "no john@example.com", "D": "Key (id)=(7) already exists."}
    assert read_error(scrubbing.text(error(**said))) == said | {"M": "no j***@example.com"}


def test_an_empty_error_passes_and_a_malformed_one_is_refused() -> None:
    assert scrubber().text(b"\0") == b"\0"
    for body in (b"", b"Mx", b"Mx\0", b"\0\0\0"[:0] + b"SERROR"):
        with pytest.raises(TargetError):
            scrubber().text(body)


@pytest.mark.parametrize(
    ("sensitive", "payload", "shown"),
    [
        (True, b"card 4111", b"[masked]"),
        (True, b"", b""),
        (False, b"to john@example.com", b"to j***@example.com"),
    ],
)
def test_the_payload_of_a_notification(sensitive: bool, payload: bytes, shown: bytes) -> None:
    head = b"\x00\x00\x00\x2achannel\0"
    assert scrubber(sensitive=sensitive).notification(head + payload + b"\0") == head + shown + b"\0"


def test_a_malformed_notification_is_refused() -> None:
    for body in (b"", b"\x00\x00\x00\x2a", b"\x00\x00\x00\x2achannel\0", b"\x00\x00\x00\x2achannel\0x"):
        with pytest.raises(TargetError):
            scrubber().notification(body)


@pytest.mark.parametrize(
    ("proven", "body", "shown"),
    [
        (True, b"application_name\0psql\0", b"application_name\0psql\0"),
        (False, b"application_name\0whatever\0", b"application_name\0[masked]\0"),
        (True, b"application_name\x004111111111111111\0", b"application_name\0************1111\0"),
        (False, b"client_encoding\0UTF8\0", b"client_encoding\0UTF8\0"),
        (False, b"standard_conforming_strings\0on\0", b"standard_conforming_strings\0on\0"),
    ],
)
def test_a_setting(proven: bool, body: bytes, shown: bytes) -> None:
    assert scrubber(proven=proven).parameter(body) == shown


def test_a_setting_of_what_takes_values_elsewhere() -> None:
    assert scrubber(exports=True).parameter(b"application_name\0x\0") == b"application_name\0[masked]\0"


def test_a_malformed_setting_is_refused() -> None:
    for body in (b"", b"name", b"name\0value"):
        with pytest.raises(TargetError):
            scrubber().parameter(body)
