"""What has been found about a command line so far."""

import posixpath
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from ingress.shell.paths import HARMLESS, holds_credentials, is_relative, normal, rules
from ingress.shell.place import Place
from ingress.shell.script import Word
from schemas.vocabulary import Facts, Intent

_MOST_DEEP = 8  # shells inside shells
_MOST_PATHS = 2000


@dataclass(slots=True)
class Findings:
    """`depth`: how many shells are around what is looked at. `folder`: where it begins, "" for the user's
    home. `changes_shell`: it may change what names mean to the shell that runs it."""

    place: Place
    folder: str = ""
    intents: set[Intent] = field(default_factory=set)
    programs: set[str] = field(default_factory=set)
    doubts: set[str] = field(default_factory=set)
    depth: int = 0
    folders: list[str] = field(default_factory=list)  # where `cd` leads
    is_lost: bool = False  # `cd` leads where it is not proven
    is_interactive: bool = False  # it takes commands of its own from the terminal
    changes_shell: bool = False
    _outside: int = 0
    _paths: list[tuple[str, bool, bool]] = field(default_factory=list)

    def doubt(self, why: str) -> None:
        self.doubts.add(why)
        self.changes()

    @contextmanager
    def outside(self) -> Iterator[None]:
        """What is found meanwhile happens in a process of its own."""
        self._outside += 1
        try:
            yield
        finally:
            self._outside -= 1

    def changes(self) -> None:
        """What was looked at last may change the shell that runs it."""
        self.changes_shell = self.changes_shell or not self._outside

    def takes_commands(self, name: str) -> None:
        """A program that is told more at the terminal."""
        self.is_interactive = True
        self.does(Intent.EXEC)
        self.doubt(f"{name} takes commands of its own, which are not seen")

    def does(self, *intents: Intent) -> None:
        self.intents.update(intents)

    def uses(self, word: Word, *, writes: bool = False, recursive: bool = False) -> None:
        """A file or folder, by a word of the command line."""
        if word.value is None:
            self.doubt("which file it uses is computed")
        else:
            self._paths.append((word.value, writes, recursive))

    def may_go_deeper(self) -> bool:
        """Whether one more shell inside is still looked into."""
        if self.depth < _MOST_DEEP:
            return True
        self.doubt("shells are nested too deeply")
        return False

    def facts(self, *statements: str) -> Facts:
        """All of it."""
        paths = self._finish_paths()
        intents = set(self.intents)
        if self.doubts:
            intents.add(Intent.UNKNOWN)
        return Facts(
            intents=tuple(sorted(intents or {Intent.SESSION})),
            statements=statements,
            programs=tuple(sorted(self.programs)),
            unproven=tuple(sorted(self.doubts)),
            paths=tuple(sorted(paths)),
        )

    def _finish_paths(self) -> set[str]:
        found: set[str] = set()
        for value, writes, recursive in self._paths[:_MOST_PATHS]:
            candidates = [value]
            if is_relative(value):
                # It is there where `cd` succeeded, and where the shell was where it did not.
                candidates = [posixpath.join(folder, value) for folder in (self.folder, *self.folders)]
                if self.is_lost:
                    self.doubts.add("in which folder a relative path is, is not proven")
            for candidate in candidates:
                path, doubt = normal(candidate)
                if doubt:
                    self.doubts.add(doubt)
                if path not in HARMLESS:
                    found.add(path)
                self._judge(path, writes=writes, recursive=recursive)
        if len(self._paths) > _MOST_PATHS:
            self.doubts.add("it names more files than are looked at")
        return found

    def _judge(self, path: str, *, writes: bool, recursive: bool) -> None:
        if path in HARMLESS:
            return
        if path.startswith(("/dev/tcp/", "/dev/udp/")):
            self.intents.add(Intent.NETWORK)
            self.doubts.add("the shell itself connects to another host")
        self.intents.add(Intent.WRITE if writes else Intent.READ)
        if holds_credentials(path, recursive=recursive or writes):
            self.intents.add(Intent.CREDENTIAL)
        if writes and rules(path):
            self.intents.add(Intent.ADMIN)
