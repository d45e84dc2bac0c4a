"""One client's session channels, and what the gateway says beside the commands that run on them."""

import asyncio
from collections.abc import Callable

import asyncssh
from asyncssh.packet import SSHPacket

from ingress.gate import Refusal
from ingress.ssh.refusal import refusal_words

MOST_CHANNELS = 10  # at a time, as OpenSSH's MaxSessions
MOST_VARIABLES = 128  # of one channel, as OpenSSH's server takes them

_BEAT = 1.0  # seconds: OpenSSH's shortest ServerAliveInterval

Channel = asyncssh.SSHServerChannel[bytes]
Words = Callable[[bool], str]  # for a terminal, or for a program to read


class Channels:
    """Of one connection."""

    def __init__(self, connection: asyncssh.SSHServerConnection) -> None:
        self._connection = connection
        self._channels: list[Channel] = []
        self._unsaid: list[Words] = []

    def make(self) -> Channel:
        """A channel that `admit` decides on."""
        channel = self._connection.create_server_channel(encoding=None)
        channel._process_env_request = _few(channel._process_env_request)  # type: ignore[method-assign, assignment]
        return channel

    async def admit(self, channel: Channel) -> None:
        """Called right before it is open, so that those opened at once count too. Raises ChannelOpenError."""
        self._channels = [opened for opened in self._channels if not opened.is_closing()]
        if len(self._channels) >= MOST_CHANNELS:
            raise asyncssh.ChannelOpenError(asyncssh.OPEN_RESOURCE_SHORTAGE, "too many channels")
        self._channels.append(channel)

    def refuse(self, command: str, refusal: Refusal) -> None:
        """As `tell`, that a command is refused."""
        self._say(lambda at_terminal: refusal_words(command, refusal, at_terminal=at_terminal))

    def tell(self, said: str) -> None:
        """To stderr of all that are open; where none is, of the first that runs something. `ssh -v` shows it
        at once."""
        self._say(lambda at_terminal: said)

    async def beat(self) -> None:
        """Shows the client that the gateway is there, until cancelled: requests are answered in their order,
        so that no keep-alive is while an earlier one is held (RFC 4254, section 4)."""
        while True:
            await asyncio.sleep(_BEAT)
            self._connection.send_debug("countersign: it still waits for its verdict")

    def catch_up(self) -> None:
        """One has begun to run something: what nobody was told is said."""
        unsaid, self._unsaid = self._unsaid, []
        for words in unsaid:
            self._write(words)

    def disconnect(self, reason: str) -> None:
        """Ends the connection; the client is told why."""
        # asyncssh closes the channels before it says so: OpenSSH may have gone by then, and heard nothing.
        self._write(lambda at_terminal: f"countersign: {reason}")
        self._connection.disconnect(asyncssh.DISC_BY_APPLICATION, reason)

    def _say(self, words: Words) -> None:
        self._connection.send_debug(words(True), always_display=True)
        if not self._write(words):
            self._unsaid.append(words)

    def _write(self, words: Words) -> bool:
        """Whether anybody was told."""
        opened = [channel for channel in self._channels if not channel.is_closing()]
        for channel in opened:
            at_terminal = channel.get_terminal_type() is not None
            end = "\r\n" if at_terminal else "\n"
            channel.write_stderr((words(at_terminal).replace("\n", end) + end).encode())
        return bool(opened)


def _few(take: Callable[[SSHPacket], bool]) -> Callable[[SSHPacket], bool]:
    """asyncssh keeps every variable that a client sets: here it keeps as many as a client may mean."""
    left = MOST_VARIABLES

    def take_few(packet: SSHPacket) -> bool:
        nonlocal left
        left -= 1
        return left >= 0 and take(packet)

    return take_few
