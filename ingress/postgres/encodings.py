"""Client encodings: which the gateway reads, and how. Pure.

PostgreSQL documentation, "Character Set Support" (24.3), table 24.1. Refused are those in which an ASCII byte
may be a part of another character (BIG5, GB18030, GBK, JOHAB, SHIFT_JIS_2004, SJIS, UHC): a quote would be
one to the server and none to the gateway, or the other way round.
"""

import re

_LATIN = (1, 2, 3, 4, 9, 10, 13, 14, 15, 16)  # parts of ISO 8859
# As pg_char_to_encoding takes names: letters and digits alone. Name -> Python's codec for texts of commands;
# "" where its table is not the server's to the last character, so that only ASCII texts are read.
_CODECS = {
    "utf8": "utf-8",
    "unicode": "utf-8",
    "sqlascii": "",  # not converted: the server takes the bytes for characters of its own encoding
    **{f"latin{number}": f"iso8859-{part}" for number, part in enumerate(_LATIN, 1)},
    **{f"iso8859{part}": f"iso8859-{part}" for part in (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 13, 14, 15, 16)},
    **{f"{word}{page}": f"cp{page}" for word in ("win", "windows") for page in range(1250, 1259)},
    "win866": "cp866",
    "windows866": "cp866",
    "alt": "cp866",
    "win874": "",
    "windows874": "",
    "koi8": "koi8-r",
    "koi8r": "koi8-r",
    "koi8u": "koi8-u",
    "win": "cp1251",
    "abc": "cp1258",
    "tcvn": "cp1258",
    "tcvn5712": "cp1258",
    "vscii": "cp1258",
    "euccn": "",
    "eucjp": "",
    "eucjis2004": "",
    "euckr": "",
    "euctw": "",
}


def is_read(name: str) -> bool:
    """Whether a session may have this client_encoding."""
    return _clean(name) in _CODECS


def decode(raw: bytes, encoding: str) -> str | None:
    """A command's text as the server will read it; None where the gateway cannot tell."""
    try:
        return raw.decode(_CODECS.get(_clean(encoding)) or "ascii")
    except UnicodeDecodeError:
        return None


def _clean(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())
