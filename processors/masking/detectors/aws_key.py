"""AWS access keys: the identifier of one, and the secret where its name stands before it."""

import re

from processors.masking.detectors._core import END, Detector, begins, hide

_AFTER_NAME = rb"[\"' :=>]{1,8}[A-Za-z0-9/+]{40}"
_NAMED = rb"[Ee][Cc][Rr][Ee][Tt][_ -]?[Aa][Cc][Cc][Ee][Ss][Ss][_ -]?[Kk][Ee][Yy]" + _AFTER_NAME  # after an s
_SECRET = re.compile(rb"[A-Za-z0-9/+]{40}\Z")


def _mask(value: bytes) -> bytes:
    secret = _SECRET.search(value)
    return hide(value) if secret is None else value[: secret.start()] + hide(secret[0])


AWS_KEY = Detector(
    name="aws_key",
    triggers=(rb"(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}", rb"[Ss]" + _NAMED),
    pattern=re.compile(
        begins(rb"A")
        + rb"(?:KIA|SIA|BIA|CCA)[A-Z0-9]{16}"
        + END
        + rb"|(?:S|s)"
        + _NAMED
        + rb"(?![A-Za-z0-9/+=])"
    ),
    mask=_mask,
    examples=(b"AKIAIOSFODNN7EXAMPLE", b"aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
    counter_examples=(b"AKIA123", b"XAKIAIOSFODNN7EXAMPLE", b"akiaiosfodnn7example"),
)
