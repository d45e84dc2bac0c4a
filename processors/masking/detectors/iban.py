"""International bank account numbers (ISO 13616): a country, its length, and the check modulo 97."""

import re

from processors.masking.detectors._core import END, Detector, begins, hide

# The IBAN registry (SWIFT): country -> length.
_LENGTHS: dict[bytes, int] = {
    country.encode(): length
    for length, countries in {
        15: "NO",
        16: "BE",
        18: "DK FI FK FO GL NL SD",
        19: "MK SI",
        20: "AT BA EE KZ LT LU MN XK",
        21: "CH HR LI LV",
        22: "BG BH CR DE GB GE IE ME RS VA",
        23: "AE GI IL IQ OM SO TL",
        24: "AD CZ ES MD PK RO SA SE SK TN VG",
        25: "LY PT ST",
        26: "IS TR",
        27: "BI DJ FR GR IT MC MR SM",
        28: "AL AZ BY CY DO GT HU LB NI PL SV",
        29: "BR EG PS QA UA",
        30: "JO KW MU YE",
        31: "MT SC",
        32: "LC",
        33: "RU",
    }.items()
    for country in countries.split()
}
_COUNTRIES = b"|".join(sorted(_LENGTHS))


def _mask(value: bytes) -> bytes | None:
    compact = value.replace(b" ", b"").decode("ascii")
    number = int("".join(str(int(character, 36)) for character in compact[4:] + compact[:4]))
    return hide(value) if number % 97 == 1 else None


# By country, so that an IBAN ends where its country's length says even when a word follows after a space.
_BY_COUNTRY = b"|".join(
    rb"(?<=%c)%c\d\d(?: ?[A-Z0-9]){%d}" % (country[0], country[1], length - 4)
    for country, length in sorted(_LENGTHS.items())
)

IBAN = Detector(
    name="iban",
    triggers=(rb"(?:" + _COUNTRIES + rb")[0-9]{2}(?: ?[A-Z0-9]){11}",),
    pattern=re.compile(begins(rb"[A-Z]") + rb"(?:" + _BY_COUNTRY + rb")" + END),
    mask=_mask,
    examples=(b"DE89370400440532013000", b"GB29 NWBK 6016 1331 9268 19"),
    counter_examples=(b"DE89370400440532013001", b"XX89370400440532013000", b"DE8937040044053201300"),
)
