"""United States social security numbers, in the groups that the administration issues them in."""

import re

from processors.masking.detectors._core import END, START, Detector, hide

# Never issued: area 000, 666 and 900 to 999, group 00, serial 0000.
_AREA, _GROUP, _SERIAL = rb"(?!000|666|9)\d{3}", rb"(?!00)\d\d", rb"(?!0000)\d{4}"

US_SSN = Detector(
    name="us_ssn",
    triggers=(rb"[0-9]{3}-[0-9]{2}-[0-9]{4}", rb"[0-9]{3} [0-9]{2} [0-9]{4}"),
    pattern=re.compile(
        START
        + rb"(?<![0-9][.-])"
        + _AREA
        + rb"(?P<s>[ -])"
        + _GROUP
        + rb"(?P=s)"
        + _SERIAL
        + END
        + rb"(?![.-][0-9])"
    ),
    mask=hide,
    examples=(b"078-05-1120", b"219 09 9999"),
    counter_examples=(b"000-12-3456", b"666-12-3456", b"900-12-3456", b"123456789", b"123-45-67890"),
)
