"""Whether a command is whole, or goes on in the next line (a shell asks for it with its second prompt).

Nothing depends on it but the prompt: what is entered is judged as one text, and run as the same text.
"""

import re
from dataclasses import dataclass, field

_CLOSERS = {
    "if": "fi",
    "case": "esac",
    "for": "done",
    "select": "done",
    "while": "done",
    "until": "done",
    "{": "}",
}
_WORD = re.compile(r"[^\s;&|()<>\"'`$\\]+")
_GO_ON = frozenset({"then", "do", "else", "elif", "!", "time", "if", "while", "until", "{"})
_HERE = re.compile(r"<<(-?)[ \t]*(?:'([^'\n]*)'|\"([^\"\n]*)\"|\\?([^\s;&|()<>'\"]+))")


@dataclass(slots=True)
class _Reading:
    """`open`: what closes what is open, the innermost last."""

    text: str
    at: int = 0
    open: list[str] = field(default_factory=list)
    here: list[tuple[str, bool]] = field(default_factory=list)
    starts: bool = True  # a command may begin here
    joined: bool = False  # an operator stands last

    @property
    def inner(self) -> str:
        return self.open[-1] if self.open else ""


def is_complete(text: str) -> bool:
    """Whether the shell would not ask for more."""
    reading = _Reading(text)
    while reading.at < len(text):
        if reading.inner in ("'", "$'"):
            _raw(reading)
        elif reading.inner == '"':
            _quoted(reading)
        else:
            _code(reading)
    return not reading.open and not reading.here and not reading.joined


def _raw(reading: _Reading) -> None:
    character = reading.text[reading.at]
    if character == "\\" and reading.inner == "$'":
        reading.at += 1
    elif character == "'":
        reading.open.pop()
    reading.at += 1


def _quoted(reading: _Reading) -> None:
    character = reading.text[reading.at]
    if character == '"':
        reading.open.pop()
    elif character == "\\":
        reading.at += 1
    elif character in "$`":
        _expansion(reading)
        return
    reading.at += 1


def _expansion(reading: _Reading) -> None:
    """`$(`, `${` or a backquote opens something; any other `$` is what it is."""
    text, at = reading.text, reading.at
    if text[at] == "`":
        if reading.inner == "`":
            reading.open.pop()
        else:
            reading.open.append("`")
            reading.starts = True
        reading.at += 1
    elif text.startswith("$(", at):
        reading.open.append(")")
        reading.starts = True
        reading.at += 2
    elif text.startswith("${", at):
        reading.open.append("${")
        reading.at += 2
    elif text.startswith("$'", at) and reading.inner != '"':
        reading.open.append("$'")
        reading.at += 2
    else:
        reading.at += 1


def _code(reading: _Reading) -> None:
    text, at = reading.text, reading.at
    character = text[at]
    if character == "\n":
        _line_end(reading)
        return
    if character in " \t":
        reading.at += 1
        return
    if character == "#" and (at == 0 or text[at - 1] in " \t\n;&|("):
        end = text.find("\n", at)
        reading.at = len(text) if end < 0 else end
        return
    reading.joined = False
    if character == "\\":
        reading.joined = at + 1 >= len(text) or (at + 2 == len(text) and text[at + 1] == "\n")
        reading.at += 2
        reading.starts = False
    elif character in "'\"":
        reading.open.append(character)
        reading.starts = False
        reading.at += 1
    elif character in "$`":
        reading.starts = False
        _expansion(reading)
    elif character in ";&|()":
        _operator(reading, character)
    elif character == "<" and (here := _HERE.match(text, at)) and not text.startswith("<<<", at):
        reading.here.append((here[2] or here[3] or here[4] or "", bool(here[1])))
        reading.at = here.end()
    elif character in "<>":
        reading.at += 3 if text.startswith("<<<", at) else 1
    elif reading.inner == "${" and character == "}":
        reading.open.pop()
        reading.at += 1
    else:
        _word(reading)


def _operator(reading: _Reading, character: str) -> None:
    if character == "(":
        reading.open.append(")")
    elif character == ")" and reading.inner == ")":
        reading.open.pop()
    reading.starts = True
    before = reading.text[reading.at - 1] if reading.at else ""
    reading.joined = character == "|" or (character == "&" and before in ("&", "|"))
    reading.at += 1


def _word(reading: _Reading) -> None:
    found = _WORD.match(reading.text, reading.at)
    if found is None:
        reading.at += 1
        return
    word = found[0]
    if reading.inner == "${":
        word = word.partition("}")[0]
        reading.at += max(1, len(word)) if word else 0
        if not word:
            reading.open.pop()
            reading.at += 1
        return
    reading.at = found.end()
    if not reading.starts:
        return
    if word in _CLOSERS:
        reading.open.append(_CLOSERS[word])
    elif word == reading.inner:
        reading.open.pop()
    reading.starts = word in _GO_ON


def _line_end(reading: _Reading) -> None:
    """After a line with `<<` come the lines of its documents."""
    reading.at += 1
    reading.starts = True
    while reading.here:
        name, tabs = reading.here[0]
        while True:
            if reading.at >= len(reading.text):
                return
            end = reading.text.find("\n", reading.at)
            end = len(reading.text) if end < 0 else end
            line = reading.text[reading.at : end]
            reading.at = end + 1
            if (line.lstrip("\t") if tabs else line) == name:
                reading.here.pop(0)
                break
