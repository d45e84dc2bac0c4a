"""find: what it looks for, and the programs it starts."""

from itertools import pairwise

from ingress.shell.findings import Findings
from ingress.shell.paths import holds_credentials
from ingress.shell.script import Word
from schemas.vocabulary import Intent

_FIND_ALONE = frozenset(
    [
        "-print",
        "-print0",
        "-ls",
        "-empty",
        "-xdev",
        "-mount",
        "-depth",
        "-daystart",
        "-follow",
        "-readable",
        "-writable",
        "-executable",
        "-prune",
        "-quit",
        "-not",
        "-a",
        "-and",
        "-o",
        "-or",
        "!",
        "(",
        ")",
        ",",
        "-H",
        "-L",
        "-P",
        "-nouser",
        "-nogroup",
        "-true",
        "-false",
        "-noleaf",
    ]
)
_FIND_VALUED = frozenset(
    [
        "-name",
        "-iname",
        "-path",
        "-ipath",
        "-wholename",
        "-regex",
        "-iregex",
        "-regextype",
        "-type",
        "-xtype",
        "-size",
        "-mtime",
        "-mmin",
        "-atime",
        "-amin",
        "-ctime",
        "-cmin",
        "-newer",
        "-anewer",
        "-cnewer",
        "-maxdepth",
        "-mindepth",
        "-user",
        "-group",
        "-uid",
        "-gid",
        "-perm",
        "-inum",
        "-links",
        "-printf",
        "-lname",
        "-ilname",
        "-samefile",
        "-fstype",
        "-used",
    ]
)
_FIND_WIDENS = frozenset(("-o", "-or", "!", "-not", ","))
FIND_RUNS = frozenset(("-exec", "-execdir", "-ok", "-okdir"))


def find(arguments: tuple[Word, ...], findings: Findings) -> tuple[tuple[Word, ...], ...]:
    """Adds what it reads; the commands it runs, `{}` replaced by what it may find."""
    findings.does(Intent.READ)
    words = list(arguments)
    roots: list[Word] = []
    while words and (words[0].value is None or not words[0].value.startswith(("-", "(", "!"))):
        roots.append(words.pop(0))
    roots = roots or [Word(".")]
    found = tuple(
        Word(None if root.value is None else f"{root.value.rstrip('/')}/**", has_glob=True) for root in roots
    )
    runs: list[tuple[Word, ...]] = []
    names = [following.value for word, following in pairwise(words) if word.value in ("-name", "-iname")]
    bounded = bool(names) and not any(word.value in _FIND_WIDENS for word in words)
    while words:
        value = words.pop(0).value
        if value in FIND_RUNS:
            run: list[Word] = []
            while words and words[0].value not in (";", "+"):
                run.append(words.pop(0))
            if words:
                words.pop(0)
            runs.append(tuple(part for word in run for part in (found if word.value == "{}" else (word,))))
            if any(word.value is None or ("{}" in word.value and word.value != "{}") for word in run):
                findings.doubt("find: a name becomes a part of a word")
        elif value == "-delete":
            findings.does(Intent.WRITE, Intent.BULK_WRITE)
            for word in found:
                findings.uses(word, writes=True, recursive=True)
        elif value in _FIND_VALUED and words:
            words.pop(0)
        elif value not in _FIND_ALONE:
            findings.doubt("find: an expression is computed, or is not known")
    for root in roots:
        findings.uses(root, recursive=bool(runs) and not bounded)
    if runs and not bounded:
        findings.doubt("find: which files it hands on is not proven")
    if runs and any(name is None or holds_credentials(f"/{name}") for name in names):
        findings.does(Intent.CREDENTIAL)
    return tuple(runs)
