"""What a terminal sends, cut anywhere, is the same keys."""

import pytest

from ingress.ssh.lines.keys import Key, Keyboard, Stroke


def pressed(*pieces: bytes) -> list[Stroke]:
    keyboard = Keyboard()
    return [stroke for piece in pieces for stroke in keyboard.feed(piece)]


@pytest.mark.parametrize(
    ("data", "keys"),
    [
        (b"ab", ["a", "b"]),
        ("ä漢".encode(), ["ä", "漢"]),
        (b"\r", [Key.ENTER]),
        (b"a\r\nb", ["a", Key.ENTER, "b"]),
        (b"\x1b[A\x1b[D\x1bOC", [Key.UP, Key.LEFT, Key.RIGHT]),
        (b"\x1b[3~\x1b[1;5C\x1bb", [Key.DELETE, Key.WORD_RIGHT, Key.WORD_LEFT]),
        (b"\x1b[?1;2c", [Key.UNKNOWN]),
        (b"\x1b[200~a\nb\x03\x1b[Ac\x1b[201~\x03", ["a", Key.ENTER, "b", "c", Key.INTERRUPT]),
        (b"\x00\x16\x9b", [Key.UNKNOWN, Key.UNKNOWN, Key.UNKNOWN]),
    ],
)
def test_bytes_are_keys_however_they_come(data: bytes, keys: list[Stroke]) -> None:
    assert pressed(data) == keys
    if b"\r\n" not in data:  # a line end that is cut in two is two keys, of which the second enters nothing
        assert pressed(*(data[at : at + 1] for at in range(len(data)))) == keys
