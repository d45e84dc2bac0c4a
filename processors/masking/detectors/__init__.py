"""Values that are sensitive wherever they stand: one detector a file, listed in DETECTORS.

A detector's replacement has as many bytes as the value, so that it can be written over it in any format that
holds the value's bytes: text, JSON, an array or a composite in binary.

- `_core.py`: what a detector is, and where a value may begin and end.
- `card_number.py`, `iban.py`: numbers of money, with their check digits.
- `email.py`, `phone.py`, `us_ssn.py`: numbers and addresses of people.
- `aws_key.py`, `private_key.py`, `jwt.py`: credentials.
"""

from collections.abc import Mapping

from processors.masking.detectors._core import Detector
from processors.masking.detectors.aws_key import AWS_KEY
from processors.masking.detectors.card_number import CARD_NUMBER, is_card_number
from processors.masking.detectors.email import EMAIL
from processors.masking.detectors.iban import IBAN
from processors.masking.detectors.jwt import JWT
from processors.masking.detectors.phone import PHONE
from processors.masking.detectors.private_key import PRIVATE_KEY
from processors.masking.detectors.us_ssn import US_SSN

__all__ = ["DETECTORS", "Detector", "is_card_number"]

DETECTORS: Mapping[str, Detector] = {
    detector.name: detector
    for detector in (CARD_NUMBER, EMAIL, IBAN, JWT, PHONE, PRIVATE_KEY, AWS_KEY, US_SSN)
}
