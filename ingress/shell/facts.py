"""What a command line does, proven: text -> facts.

The host's shell is taken to be bash or another POSIX shell, started by sshd without start-up files.
"""

import re
from dataclasses import dataclass

from ingress.shell import EXEC
from ingress.shell.catalogue import PROGRAMS
from ingress.shell.findings import Findings
from ingress.shell.grammar import parse
from ingress.shell.programs import judge
from ingress.shell.readers import READERS, find
from ingress.shell.script import Invocation, Redirection, Word
from ingress.shell.wrappers import SHELLS, UNFOLD, is_harmless, script_of_shell
from schemas.vocabulary import Facts, Intent

_MOST_UNFOLDED = 50  # wrappers inside wrappers
_SYSTEM_FOLDERS = ("/bin/", "/usr/bin/", "/sbin/", "/usr/sbin/", "/usr/local/bin/")
_FETCHERS = frozenset(
    [
        "curl",
        "wget",
        "nc",
        "ncat",
        "netcat",
        "base64",
        "base32",
        "xxd",
        "openssl",
        "gunzip",
        "zcat",
        "gzip",
        "uudecode",
    ]
)
_SET_OPTIONS = re.compile(r"[-+][eux]+")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_WRITES = frozenset((">", ">>", ">|", "&>", "&>>", "<>", ">&"))


@dataclass(frozen=True, slots=True)
class Analysis:
    """`comment`: the text's last comment, without its `#`."""

    facts: Facts
    comment: str


def analyse(text: str) -> Analysis:
    """Facts of one command line. Raises nothing: what cannot be read is not proven."""
    findings = Findings()
    comment = _script(text, findings)
    return Analysis(findings.facts(EXEC), comment)


def _script(text: str, findings: Findings) -> str:
    script = parse(text)
    for why in script.doubts:
        findings.doubt(why)
    for name, _ in script.assignments:
        if not is_harmless(name):
            findings.doubt("a variable is set that can decide what runs")
    for redirection in script.redirections:
        _redirection(redirection, findings)
    for invocation in script.invocations:
        _invocation(invocation, findings)
    if findings.folders and (script.has_loop or len(set(findings.folders)) > 1):
        findings.doubt("in which folder a relative path is, is not proven")
    return script.comment


def _redirection(redirection: Redirection, findings: Findings) -> None:
    target = redirection.target.plain
    if redirection.operator in (">&", "<&") and target is not None and target.strip("-").isdigit():
        return
    if redirection.operator in ("<", "<&"):
        findings.uses(redirection.target)
    elif redirection.operator in _WRITES:
        findings.uses(redirection.target, writes=True)
    else:
        findings.doubt("a redirection is not known")


def _invocation(invocation: Invocation, findings: Findings) -> None:
    for name, _ in invocation.assignments:
        if not is_harmless(name):
            findings.doubt("a variable is set that can decide what runs")
    words = invocation.words
    for _ in range(_MOST_UNFOLDED):
        following = _program(words, invocation, findings)
        if following is None:
            return
        words = following
    findings.doubt("programs are started by programs too often")


def _program(words: tuple[Word, ...], invocation: Invocation, findings: Findings) -> tuple[Word, ...] | None:
    """Looks at one program; gives what it starts, where it is one that starts another."""
    name = _name(words[0], findings)
    if name is None:
        return None
    arguments = words[1:]
    findings.programs.add(name)
    if name in SHELLS:
        _shell(name, arguments, invocation, findings)
    elif name in ("eval", "trap"):
        _evaluated(name, arguments, findings)
    elif name in UNFOLD:
        return UNFOLD[name](arguments, findings)
    elif name == "find":
        for run in find(arguments, findings):
            if run:
                _invocation(Invocation(run), findings)
    elif name in READERS:
        READERS[name](arguments, findings)
    elif name in _BUILTINS:
        _BUILTINS[name](arguments, findings)
    elif name in PROGRAMS:
        judge(name, PROGRAMS[name], arguments, findings)
        _check_words(name, arguments, findings)
    else:
        findings.does(Intent.EXEC)
        findings.doubt(f"what {name} does is not known")
    return None


def _name(word: Word, findings: Findings) -> str | None:
    """The program's name; a path that is not of the system's folders as it stands."""
    value = word.plain
    if not value:
        findings.does(Intent.EXEC)
        findings.doubt("which program it starts is computed")
        return None
    for folder in _SYSTEM_FOLDERS:
        if value.startswith(folder) and "/" not in value[len(folder) :]:
            return value[len(folder) :]
    return value


def _shell(name: str, arguments: tuple[Word, ...], invocation: Invocation, findings: Findings) -> None:
    text = script_of_shell(name, arguments, invocation.script, findings)
    if text is None:
        findings.does(Intent.EXEC)
        if _FETCHERS.intersection(invocation.upstream):
            findings.doubt("what is decoded or downloaded is run by a shell")
        return
    if not findings.may_go_deeper():
        return
    findings.depth += 1
    _script(text, findings)
    findings.depth -= 1


def _evaluated(name: str, arguments: tuple[Word, ...], findings: Findings) -> None:
    """`eval` joins its words and reads them again; `trap` keeps its first for later."""
    words = arguments[:1] if name == "trap" else arguments
    if any(word.plain is None for word in words):
        findings.does(Intent.EXEC)
        findings.doubt(f"{name}: what it runs is computed")
    elif findings.may_go_deeper():
        findings.depth += 1
        _script(" ".join(word.plain or "" for word in words), findings)
        findings.depth -= 1


def _cd(arguments: tuple[Word, ...], findings: Findings) -> None:
    findings.does(Intent.SESSION)
    target = arguments[0].plain if len(arguments) == 1 else "~" if not arguments else None
    if target is None or not target.startswith(("/", "~")):
        findings.doubt("cd: in which folder it leads is not proven")
        return
    findings.folders.append(target)


def _set(arguments: tuple[Word, ...], findings: Findings) -> None:
    findings.does(Intent.SESSION)
    values = [word.plain for word in arguments]
    if values in (["-o", "pipefail"], ["-euo", "pipefail"], ["-eo", "pipefail"], ["-eux", "-o", "pipefail"]):
        return
    if not all(value and _SET_OPTIONS.fullmatch(value) for value in values):
        findings.doubt("set: it changes how the shell reads")


def _declare(arguments: tuple[Word, ...], findings: Findings) -> None:
    findings.does(Intent.SESSION)
    for word in arguments:
        name = (word.value or "").partition("=")[0]
        if not _NAME.fullmatch(name) or not is_harmless(name):
            findings.doubt("a variable is set that can decide what runs")


def _read(arguments: tuple[Word, ...], findings: Findings) -> None:
    findings.does(Intent.SESSION)
    for word in arguments:
        if word.plain != "-r" and not (_NAME.fullmatch(word.plain or "") and is_harmless(word.plain or "")):
            findings.doubt("read: it sets what is not proven harmless")


_BUILTINS = {
    "cd": _cd,
    "set": _set,
    "export": _declare,
    "readonly": _declare,
    "local": _declare,
    "unset": _declare,
    "read": _read,
}


def _check_words(name: str, arguments: tuple[Word, ...], findings: Findings) -> None:
    """Words that make a program do more: a subscript, by which a builtin of bash runs what it holds."""
    values = [word.value for word in arguments]
    if name in ("[", "test") and not {None, "-v", "-R"}.isdisjoint(values):
        findings.doubt(f"{name}: it may compute what a variable's name holds")
    if name == "jq" and any(value is None or "env" in value.lower() for value in values):
        findings.does(Intent.CREDENTIAL)  # it shows the environment
    if name == "wait" and values:
        findings.doubt("wait: it may set a variable")
