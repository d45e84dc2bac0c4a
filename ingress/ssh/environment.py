"""The variables that a client sets for a command: those on the resource's list reach the host, each other one
is a command of its own.
"""

import asyncio
import re
from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase

from ingress.gate import Refusal
from ingress.inquiry import Refused
from ingress.interface import Finish
from ingress.ssh import words
from ingress.ssh.reasons import REASON, TICKET
from ingress.ssh.refusal import refusal_words
from ingress.ssh.visit import Visit
from ingress.terminal.obligations import unkept
from schemas.vocabulary import Facts, Intent, Outcome

MOST_ASKED = 16  # variables outside the list, for one command

_TOO_MANY = Refusal(
    message=f"the client sets more than {MOST_ASKED} variables that are not on the resource's list",
    hint="None of them reaches the host. Set fewer (SendEnv, SetEnv), or have them listed in `environment`.",
)
_NO_NAME = Refusal(
    message="the client sets a variable with a name that no shell knows",
    hint="It does not reach the host. Letters, digits and _ make a name.",
)
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_FACTS = Facts(
    intents=(Intent.EXEC, Intent.UNKNOWN),
    statements=(words.ENVIRONMENT,),
    unproven=("what programs make of a variable is not known",),
)


class Environment:
    """One channel's. `said`: what the client set; `listed`: globs of what reaches the host unasked; `tell`:
    the client's stderr. `variables`: what reaches the host."""

    def __init__(
        self,
        visit: Visit,
        said: Mapping[str, str],
        listed: tuple[str, ...],
        tell: Callable[[str], None],
        *,
        at_terminal: bool,
    ) -> None:
        self._visit = visit
        self._said = said
        self._tell = tell
        self._at_terminal = at_terminal
        wanted = {name: value for name, value in said.items() if name not in (REASON, TICKET)}
        self._nameless = [name for name in wanted if not _NAME.fullmatch(name)]
        self.variables = {
            name: value
            for name, value in wanted.items()
            if name not in self._nameless and any(fnmatchcase(name, glob) for glob in listed)
        }
        self._others = {
            name: value
            for name, value in wanted.items()
            if name not in self._nameless and name not in self.variables
        }
        self._allowed: list[str] = []  # the commands of those others that a rule allows

    async def ask(self) -> None:
        """Asks for those that are not on the list; the client is told which do not reach the host."""
        if self._nameless:
            self._refuse("", _NO_NAME)
        if len(self._others) > MOST_ASKED:
            self._refuse("", _TOO_MANY)
        else:
            await asyncio.gather(*(self._ask(name, value) for name, value in self._others.items()))

    def send(self) -> None:
        """They go to the host with what runs now. Raises Refused."""
        for command in self._allowed:
            self._visit.release(command)
            self._visit.finish(
                Finish(
                    command=command,
                    outcome=Outcome.SUCCEEDED,
                    rows=0,
                    bytes=0,
                    error_code="",
                    error="",
                    masked=(),
                )
            )
        self._allowed.clear()

    def drop(self, reason: str) -> None:
        """What they were for does not run."""
        for command in self._allowed:
            self._visit.abandon(command, reason)
        self._allowed.clear()

    async def _ask(self, name: str, value: str) -> None:
        command = self._visit.judge.operation(f"environment {name}={value}", _FACTS, self._said)
        try:
            allowed = await self._visit.ask(command, self._tell)
            if (refusal := unkept(allowed.obligations, command)) is not None:
                self._visit.abandon(command.id, refusal.message)
                raise Refused(refusal)
        except Refused as refused:
            self._refuse(command.id, refused.refusal)
            return
        self._allowed.append(command.id)
        self.variables[name] = value

    def _refuse(self, command: str, refusal: Refusal) -> None:
        self._tell(refusal_words(command, refusal, at_terminal=self._at_terminal))
