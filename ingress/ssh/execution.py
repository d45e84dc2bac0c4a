"""One command line or shell: held until its verdict, then run at the host through the gateway."""

from fnmatch import fnmatchcase

from ingress.command import Command
from ingress.gate import Refusal
from ingress.inquiry import Refused
from ingress.ssh.keyboard import Keyboard
from ingress.ssh.lines.shell import LineShell
from ingress.ssh.reasons import REASON, TICKET
from ingress.ssh.refusal import NOT_EXECUTED, refusal_line, refusal_text
from ingress.ssh.run import Process, Run
from ingress.ssh.visit import Visit
from ingress.terminal.obligations import unkept

_NO_TERMINAL = Refusal(
    message="an interactive shell of this resource needs a terminal",
    hint="Nothing was executed. Say ssh -tt, or send single commands: ssh … 'the command'.",
)


class Execution:
    """`environment`: globs of the variables that may reach the host."""

    def __init__(self, visit: Visit, process: Process, environment: tuple[str, ...]) -> None:
        self._visit = visit
        self._process = process
        self._environment = {
            name: value
            for name, value in process.env.items()
            if name not in (REASON, TICKET) and any(fnmatchcase(name, glob) for glob in environment)
        }
        self._keyboard = Keyboard(process)
        self._has_terminal = process.term_type is not None

    async def line(self, text: str) -> None:
        """Runs a command line, if it may."""
        command = self._visit.judge.line(text, self._environment, self._process.env, self._has_terminal)
        await self._run(command, text)

    async def shell(self) -> None:
        """Runs an interactive shell, if it may."""
        await self._run(self._visit.judge.shell(self._environment, self._process.env), None)

    async def lines(self) -> None:
        """Runs an interactive shell, each of whose lines is a command."""
        if self._has_terminal:
            await LineShell(self._visit, self._process, self._environment).go()
        else:
            self.refuse("", _NO_TERMINAL)

    def refuse(self, command: str, refusal: Refusal) -> None:
        """Tells the client, and ends the channel."""
        said = refusal_text(refusal) if self._has_terminal else refusal_line(command, refusal)
        self._tell(said)
        self._process.exit(NOT_EXECUTED)

    async def _run(self, command: Command, text: str | None) -> None:
        try:
            allowed = await self._visit.ask_unless(command, self._tell, self._keyboard.wants_out())
            if (refusal := unkept(allowed.obligations, command)) is not None:
                self._visit.abandon(command.id, refusal.message)
                raise Refused(refusal)
            self._visit.release(command.id)
        except Refused as refused:
            self.refuse(command.id, refused.refusal)
            return
        await Run(self._visit, self._process, self._keyboard, command, allowed.obligations).go(
            text, self._environment
        )

    def _tell(self, said: str) -> None:
        end = "\r\n" if self._has_terminal else "\n"
        text = said.replace("\n", end) + end
        self._visit.say(text)
        self._process.stderr.write(text.encode())
