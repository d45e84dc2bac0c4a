"""The client's terminal under line policy: what the host wrote, and below it the line that is composed."""

from ingress.ssh.lines.prompt import Prompt
from ingress.ssh.start import Process
from ingress.ssh.visit import Visit

_PASTE_ON, _PASTE_OFF = b"\x1b[?2004h", b"\x1b[?2004l"  # xterm's bracketed paste


class Display:
    """`prompt`: the line that is composed."""

    def __init__(self, visit: Visit, process: Process, prompt: Prompt) -> None:
        self._visit = visit
        self._process = process
        self._prompt = prompt
        self._pastes = process.term_type != "dumb"
        self._is_composing = False
        self._starts_row = True

    def begin_line(self, words: str) -> None:
        """A line is composed from here on, behind these words."""
        if not self._starts_row:
            self.write(b"\r\n")
        self.write((_PASTE_ON if self._pastes else b"") + self._prompt.begin(words))
        self._is_composing = True

    def end_line(self) -> None:
        """It is composed."""
        self._is_composing = False
        self.write(_PASTE_OFF if self._pastes else b"")
        self._starts_row = True

    def show(self, shown: bytes) -> None:
        """What the host wrote."""
        if self._is_composing:  # a program in the background: the line comes again below it
            shown = b"\r\x1b[J" + shown + (b"" if shown.endswith(b"\n") else b"\r\n") + self._prompt.redraw()
        self.write(shown)

    def tell(self, said: str) -> None:
        """What the gateway has to say, on rows of its own."""
        text = said.replace("\n", "\r\n") + "\r\n"
        self._visit.say(text)
        self.write((b"" if self._starts_row else b"\r\n") + text.encode())

    def write(self, data: bytes) -> None:
        """To the client, while it is there."""
        if data and not self._process.is_closing():
            self._process.stdout.write(data)
            self._starts_row = data.endswith(b"\n")

    async def drain(self) -> None:
        """Waits until the client takes more."""
        await self._process.stdout.drain()
