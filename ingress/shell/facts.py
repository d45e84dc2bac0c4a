"""What a command line does, proven: text -> facts.

The host's shell is taken to be bash or another POSIX shell, started by sshd without start-up files.
"""

import posixpath
import re
from contextlib import ExitStack
from dataclasses import dataclass

from ingress.shell import EXEC, INTERACTIVE
from ingress.shell.catalogue import PROGRAMS
from ingress.shell.findings import Findings
from ingress.shell.grammar import parse
from ingress.shell.place import Place
from ingress.shell.programs import judge
from ingress.shell.readers import READERS, find
from ingress.shell.script import Invocation, Redirection, Word
from ingress.shell.terminal import BUILTINS, CHANGE_NAMES, is_interactive, may_page
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


_INTEGRATION = "__cs"  # how the names begin by which the gateway follows a shell (lines/driver.sh)
_WILDCARDS = re.compile(r"[*?\[\x00-\x1f\x7f\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Analysis:
    """`comment`: the text's last comment, without its `#`. `changes_shell`: what names mean in the lines
    after it is no longer known."""

    facts: Facts
    comment: str
    changes_shell: bool


_ALONE = Place()


def analyse(text: str, place: Place = _ALONE) -> Analysis:
    """Facts of one command line. Raises nothing: what cannot be read is not proven."""
    findings = Findings(place, "" if place.folder == "~" else place.folder)
    if not place.folder or _WILDCARDS.search(place.folder):
        findings.folder, findings.is_lost = "", True
    if place.changed:
        findings.doubt("an earlier line has changed the shell, and with it what names may mean")
    comment = _script(text, findings)
    statements = (EXEC, INTERACTIVE) if findings.is_interactive else (EXEC,)
    return Analysis(findings.facts(*statements), comment, findings.changes_shell)


def _script(text: str, findings: Findings) -> str:
    if findings.place.is_shell and _INTEGRATION in text:
        findings.doubt("it uses what the gateway follows the shell by")
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
    with ExitStack() as inside:
        for _ in range(_MOST_UNFOLDED):
            if words[0].plain and words[0].plain not in BUILTINS:
                inside.enter_context(findings.outside())
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
    if name in CHANGE_NAMES:
        findings.changes()
    _at_terminal(name, arguments, findings)
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


def _at_terminal(name: str, arguments: tuple[Word, ...], findings: Findings) -> None:
    """What a program may be told by whoever sits at the terminal."""
    place = findings.place
    if not place.has_terminal:
        return
    if is_interactive(name, arguments):
        findings.takes_commands(name)
    elif may_page(name, arguments) and not place.is_shell:  # a shell under line policy has no pager
        findings.doubt(f"{name}: at a terminal it starts a pager, which takes commands: say --no-pager")


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
        if findings.place.has_terminal:
            findings.takes_commands(name)
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
    if target is not None and target.startswith(("/", "~")):
        findings.folders.append(target)
    elif not findings.place.is_shell:
        findings.doubt("cd: in which folder it leads is not proven")
    elif target is None or target == "-" or ".." in target.split("/") or findings.is_lost:
        findings.is_lost = True  # for the rest of this line: then the shell says where it is
    else:
        findings.folders.append(posixpath.join(findings.folder, target))


def _pushd(arguments: tuple[Word, ...], findings: Findings) -> None:
    findings.does(Intent.SESSION)
    if not findings.place.is_shell:
        findings.doubt("in which folder it leads is not proven")
    findings.is_lost = True


def _set(arguments: tuple[Word, ...], findings: Findings) -> None:
    findings.does(Intent.SESSION)
    values = [word.plain for word in arguments]
    if not values:
        _show_variables(findings)
    if values in (["-o", "pipefail"], ["-euo", "pipefail"], ["-eo", "pipefail"], ["-eux", "-o", "pipefail"]):
        return
    if not all(value and _SET_OPTIONS.fullmatch(value) for value in values):
        findings.doubt("set: it changes how the shell reads")


def _show_variables(findings: Findings) -> None:
    findings.does(Intent.READ, Intent.CREDENTIAL)
    if findings.place.is_shell:
        findings.doubt("it shows what the gateway follows the shell by")


def _declare(arguments: tuple[Word, ...], findings: Findings) -> None:
    findings.does(Intent.SESSION)
    if not arguments:
        _show_variables(findings)
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
    "pushd": _pushd,
    "popd": _pushd,
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
