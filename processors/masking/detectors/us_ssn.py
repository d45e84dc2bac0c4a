"""United States social security numbers, in the groups that the administration issues them in."""

import re

from processors.masking.detectors._core import END, Detector, begins, hide

US_SSN = Detector(
    name="us_ssn",
    triggers=(rb"[0-9]{3}-[0-9]{2}-[0-9]{4}", rb"[0-9]{3} [0-9]{2} [0-9]{4}"),
    # Never issued: area 000, 666 and 900 to 999, group 00, serial 0000.
    pattern=re.compile(
        begins(rb"[0-8]")
        + rb"(?<!\d[.-]\d)\d\d(?<!000)(?<!666)(?P<s>[ -])(?!00)\d\d(?P=s)(?!0000)\d{4}"
        + END
        + rb"(?![.-]\d)"
    ),
    mask=hide,
    examples=(b"078-05-1120", b"219 09 9999"),
    counter_examples=(b"000-12-3456", b"666-12-3456", b"900-12-3456", b"123456789", b"123-45-67890"),
)
