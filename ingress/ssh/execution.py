"""One command line, shell or subsystem: held until its verdict, then run at the host through the gateway."""

from collections.abc import Callable, Mapping

from ingress.command import Command
from ingress.gate import Refusal
from ingress.inquiry import Refused
from ingress.ssh.environment import Environment
from ingress.ssh.keyboard import Keyboard
from ingress.ssh.lines.shell import LineShell
from ingress.ssh.refusal import NOT_EXECUTED, refusal_words
from ingress.ssh.run import Run
from ingress.ssh.start import Process
from ingress.ssh.visit import Visit
from ingress.terminal.obligations import unkept

_NO_TERMINAL = Refusal(
    message="an interactive shell of this resource needs a terminal",
    hint="Nothing was executed. Say ssh -tt, or send single commands: ssh … 'the command'.",
)


class Execution:
    """`environment`: globs of the variables that reach the host unasked."""

    def __init__(self, visit: Visit, process: Process, environment: tuple[str, ...]) -> None:
        self._visit = visit
        self._process = process
        self._has_terminal = process.term_type is not None
        self._environment = Environment(
            visit, process.env, environment, self._tell, at_terminal=self._has_terminal
        )
        self._keyboard = Keyboard(process)

    async def line(self, text: str) -> None:
        """Runs a command line, if it may."""
        judge, said = self._visit.judge, self._process.env
        await self._run(lambda variables: judge.line(text, variables, said, self._has_terminal), text)

    async def shell(self) -> None:
        """Runs an interactive shell, if it may."""
        judge, said = self._visit.judge, self._process.env
        await self._run(lambda variables: judge.shell(variables, said), None)

    async def subsystem(self, name: str) -> None:
        """Runs a subsystem of the host, if it may."""
        judge, said = self._visit.judge, self._process.env
        await self._run(lambda variables: judge.subsystem(name, variables, said), None, name)

    async def lines(self) -> None:
        """Runs an interactive shell, each of whose lines is a command."""
        if not self._has_terminal:
            self.refuse("", _NO_TERMINAL)
            return
        try:
            await self._visit.unless(self._environment.ask(), self._keyboard.wants_out())
            self._environment.send()
        except Refused as refused:
            self.refuse("", refused.refusal)
            return
        await LineShell(self._visit, self._process, self._keyboard, self._environment.variables).go()

    def refuse(self, command: str, refusal: Refusal) -> None:
        """Tells the client, and ends the channel."""
        self._tell(refusal_words(command, refusal, at_terminal=self._has_terminal))
        self._process.exit(NOT_EXECUTED)

    async def _run(
        self, make: Callable[[Mapping[str, str]], Command], text: str | None, subsystem: str | None = None
    ) -> None:
        """`make`: the command, of the variables that go to the host with it."""
        visit, environment = self._visit, self._environment
        guarded = not self._has_terminal  # at one, each key would have to wait for the next
        command: Command | None = None
        try:
            await visit.unless(environment.ask(), self._keyboard.wants_out())
            command = make(environment.variables)
            allowed = await visit.unless(visit.ask(command, self._tell), self._keyboard.wants_out())
            if (refusal := unkept(allowed.obligations, command, guarded=guarded)) is not None:
                raise Refused(refusal)
            environment.send()
            visit.release(command.id)
        except Refused as refused:
            why = refused.refusal.message
            environment.drop(why)
            if command is not None:
                visit.abandon(command.id, why)  # where it is not refused itself, but may not go
            self.refuse(command.id if command is not None else "", refused.refusal)
            return
        run = Run(visit, self._process, self._keyboard, command, allowed.obligations)
        await run.go(text, environment.variables, subsystem)

    def _tell(self, said: str) -> None:
        end = "\r\n" if self._has_terminal else "\n"
        text = said.replace("\n", end) + end
        self._visit.say(text)
        self._process.stderr.write(text.encode())
