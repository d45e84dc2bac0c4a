"""What has been found about a command line so far."""

import posixpath
from dataclasses import dataclass, field

from ingress.shell.paths import HARMLESS, holds_credentials, is_relative, normal, rules
from ingress.shell.script import Word
from schemas.vocabulary import Facts, Intent

_MOST_DEEP = 8  # shells inside shells
_MOST_PATHS = 2000


@dataclass(slots=True)
class Findings:
    """`depth`: how many shells are around what is looked at."""

    intents: set[Intent] = field(default_factory=set)
    programs: set[str] = field(default_factory=set)
    doubts: set[str] = field(default_factory=set)
    depth: int = 0
    folders: list[str] = field(default_factory=list)  # where `cd` leads
    _paths: list[tuple[str, bool, bool]] = field(default_factory=list)

    def doubt(self, why: str) -> None:
        self.doubts.add(why)

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

    def facts(self, statement: str) -> Facts:
        """All of it."""
        paths = self._finish_paths()
        intents = set(self.intents)
        if self.doubts:
            intents.add(Intent.UNKNOWN)
        return Facts(
            intents=tuple(sorted(intents or {Intent.SESSION})),
            statements=(statement,),
            programs=tuple(sorted(self.programs)),
            unproven=tuple(sorted(self.doubts)),
            paths=tuple(sorted(paths)),
        )

    def _finish_paths(self) -> set[str]:
        found: set[str] = set()
        for value, writes, recursive in self._paths[:_MOST_PATHS]:
            candidates = [value]
            if self.folders and is_relative(value):
                # It is there where `cd` succeeded, and at home where it did not.
                candidates += [posixpath.join(folder, value) for folder in self.folders]
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
