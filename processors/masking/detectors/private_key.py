"""Private keys in PEM form (RFC 7468) and their kin of OpenSSH and OpenPGP, also when cut off."""

import re

from processors.masking.detectors._core import Detector, hide

_LABEL = rb"(?:[A-Z0-9]{1,16} ){0,4}PRIVATE KEY(?: BLOCK)?"

PRIVATE_KEY = Detector(
    name="private_key",
    triggers=(rb"-----BEGIN (?:[A-Z0-9]{1,16} ){0,4}PRIVATE KEY",),
    # The lines of the body may be real ones or escaped as in JSON; the end may be missing.
    pattern=re.compile(
        rb"-----BEGIN " + _LABEL + rb"-----"
        rb"[A-Za-z0-9+/=\r\n\\ :,.()]*+(?:-[A-Za-z0-9+/=\r\n\\ :,.()]++)*+"
        rb"(?:-----END " + _LABEL + rb"-----)?"
    ),
    mask=hide,
    examples=(
        b"-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ+DYvh6SEqVTm50DFtMDoQikTmiCqirVv9mWG9qfSnF\n"
        b"-----END PRIVATE KEY-----",
        b"-----BEGIN RSA PRIVATE KEY-----\\nMIIEpAIBAAKCAQEA",
    ),
    counter_examples=(
        b"-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n",
        b"-----BEGIN CERTIFICATE-----",
    ),
)
