"""Telephone numbers: international with a plus (ITU-T E.164), and national forms with separators.

Digits without any separator are no telephone number here: they are far more often something else.
"""

import re

from processors.masking.detectors._core import END, Detector, begins, digits_of, hide

_MOST, _FEWEST = 15, 8  # digits of an international number, country code included
_LAST_GROUP = re.compile(rb"[ .()-]+\d+\Z")
_DECIMAL = re.compile(rb"\+\d+\.\d+")


def _mask(value: bytes) -> bytes | None:
    if not value.startswith(b"+"):
        return hide(value)
    number = value
    while len(digits_of(number)) > _MOST:  # other numbers follow it
        shorter = _LAST_GROUP.sub(b"", number)
        if shorter == number:
            return None
        number = shorter
    if len(digits_of(number)) < _FEWEST or _DECIMAL.fullmatch(number):
        return None
    rest, _ = PHONE.redact(value[len(number) :])  # the pattern took it for more of the same number
    return hide(number) + rest


# Each behind its first character, one of `+`, `(` and the digits.
_INTERNATIONAL = rb"(?<=\+)[1-9]\d{0,14}+(?:(?:[ .-]|[ .-]?\(\d{1,4}\)[ .-]?)\d{1,12}+){0,6}"
_NORTH_AMERICA = (
    rb"(?:(?<=1)[ .-](?:\([2-9]\d\d\) ?|[2-9]\d\d[ .-])|(?<=\()[2-9]\d\d\) ?|(?<=[2-9])\d\d(?P<s>[ .-]))"
    rb"[2-9]\d\d(?(s)(?P=s)|[ .-])\d{4}"
)
_TRUNK = (
    rb"(?:(?<=0)(?<!\d[ .]0)[1-9](?:[ .]\d\d){4}(?![ .]\d)"  # 01 23 45 67 89
    rb"|(?<=0)(?<!\d 0)\d{2,4} \d{3,4} \d{3,4}(?! \d)"  # 020 7946 0958
    rb"|(?<=0)\d{2,4}[ /-]\d{6,8}"  # 0171 1234567, 030/1234567
    rb"|(?<=\()0\d{1,4}\) ?(?:\d{6,8}|\d{3,4} \d{3,4}))"  # (0171) 1234567, (020) 7946 0958
)

PHONE = Detector(
    name="phone",
    triggers=(
        rb"\+[1-9][0-9 .()-]{6}",
        rb"[2-9][0-9]{2}(?:\) ?|[ .-])[2-9][0-9]{2}[ .-][0-9]{4}",
        rb"0[1-9](?:[ .][0-9]{2}){4}",
        rb"0[0-9]{1,4}\)? ?[0-9]{3,4} [0-9]{3}",
        rb"0[0-9]{1,4}(?:\) ?|[ /-])[0-9]{6}",
    ),
    pattern=re.compile(
        begins(rb"[+(0-9]")
        + rb"(?<![0-9+][.-](?s:.))(?<![+(/](?s:.))"
        + rb"(?:"
        + _INTERNATIONAL
        + rb"|"
        + _NORTH_AMERICA
        + rb"|"
        + _TRUNK
        + rb")"
        + END
        + rb"(?![.:/-]\d)"
    ),
    mask=_mask,
    examples=(b"+1 415 555 2671", b"(415) 555-2671", b"+442079460958", b"030/1234567"),
    counter_examples=(b"4155552671", b"2024-01-15", b"192.168.100.1000", b"+00:30", b"+1.23456789"),
)
