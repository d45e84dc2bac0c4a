"""JSON web tokens (RFC 7519) in compact form: both the header and the claims are JSON
objects, and `{"` in base64url is `eyJ`."""

import re

from processors.masking.detectors._core import Detector, hide

_PART = rb"[A-Za-z0-9_-]"
# A token is not looked for inside a longer run of its own alphabet.
_START = (
    rb"(?:(?<![A-Za-z0-9_-]eyJ)|(?<=\\[nrtbfv]eyJ)|(?<=\\u[0-9A-Fa-f]{4}eyJ)"
    rb"|(?<=\x00\x00\x00[0-9A-Za-z_-]eyJ)|(?<=\x00\x00[0-9A-Za-z_-]{2}eyJ))"
)

JWT = Detector(
    name="jwt",
    triggers=(rb"eyJ" + _PART + rb"{8,}\.eyJ" + _PART + rb"{4}",),
    pattern=re.compile(
        rb"eyJ" + _START + _PART + rb"{8,}+\.eyJ" + _PART + rb"{4,}+(?:\." + _PART + rb"*+){0,3}"
    ),
    mask=hide,
    examples=(
        b"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U",
        b"eyJhbGciOiJub25lIn0.eyJzdWIiOiJqb2UifQ.",
    ),
    counter_examples=(b"eyJhbGciOiJIUzI1NiJ9", b"a.b.c", b"eyJ.eyJ.x"),
)
