"""What a client lends its host for the rest of the session: its SSH agent (OpenSSH's PROTOCOL.agent) and its
X11 display (RFC 4254, 6.3). Each is a command; what the host then asks of them passes as a part of it.

asyncssh would open sockets for them on the gateway's own machine. Its connections' methods are replaced, so
that there are none: a request is answered from here, and what the host opens leads straight to the client.
"""

import asyncio
from collections.abc import Awaitable

import asyncssh
from asyncssh.channel import SSHUNIXChannel, SSHX11Channel
from asyncssh.packet import SSHPacket
from asyncssh.stream import SSHTCPStreamSession, SSHUNIXStreamSession

from ingress.inquiry import Refused
from ingress.ssh import words
from ingress.ssh.inlet import Inlet
from ingress.ssh.passage import Ends, permitted
from ingress.ssh.visit import ClientGone, Visit
from schemas.vocabulary import Facts, Intent

_AGENT = (
    "lend agent: until the session ends the host's user, and whoever is root there, can sign in elsewhere "
    "with every key in the client's SSH agent"
)
_DISPLAY = (
    "lend display: until the session ends programs of the host can open windows on the client's X11 display, "
    "and may see what it shows and what is typed there"
)
_AGENT_INTENTS = (Intent.CREDENTIAL, Intent.NETWORK)
_DISPLAY_INTENTS = (Intent.CREDENTIAL, Intent.EXPORT, Intent.NETWORK)

Cookie = tuple[bytes, bytes, int]  # protocol, data, screen: what a program shows the display


class Lending:
    """One client's. `client`: its connection, `visit.target`: the host's."""

    def __init__(self, visit: Visit, client: asyncssh.SSHServerConnection) -> None:
        self._visit = visit
        self._client = client
        self._agent = _Loan(visit, words.AGENT, _AGENT, _AGENT_INTENTS)
        self._display = _Loan(visit, words.DISPLAY, _DISPLAY, _DISPLAY_INTENTS)
        self._cookies: dict[str, Cookie] = {}

    def begin(self) -> None:
        """From here on requests are answered."""
        client, target = self._client, self._visit.target
        client.create_agent_listener = self._lend_agent  # type: ignore[method-assign]
        client.attach_x11_listener = self._lend_display  # type: ignore[assignment, method-assign]
        target._process_auth_agent_at_openssh_dot_com_open = self._open_agent  # type: ignore[method-assign, assignment]
        target._process_x11_open = self._open_display  # type: ignore[method-assign, assignment]
        target.attach_x11_listener = self._cookie  # type: ignore[method-assign, assignment]

    # What the client asks

    async def _lend_agent(self) -> bool:
        if not await self._agent.lend():
            return False
        # sshd has one agent for all sessions of a connection: every channel that begins now asks for it.
        self._visit.target._agent_forward_path = words.AGENT
        return True

    async def _lend_display(
        self, channel: asyncssh.SSHServerChannel[bytes], protocol: bytes, data: bytes, screen: int
    ) -> str | None:
        """A name for the channel's cookie, which `Process.channel.get_x11_display()` then says."""
        if not await self._display.lend():
            return None
        name = f"client:{len(self._cookies)}"
        self._cookies[name] = (protocol, data, screen)
        return name

    async def _cookie(
        self, channel: object, display: str, auth_path: str | None, single_connection: bool
    ) -> Cookie:
        """What the host is told: the client's own cookie, which its ssh makes up for this one connection."""
        return self._cookies[display]

    # What the host opens

    def _open_agent(
        self, packet: SSHPacket
    ) -> tuple["SSHUNIXChannel[bytes]", Awaitable[SSHUNIXStreamSession[bytes]]]:
        packet.check_end()

        async def connect() -> Ends:
            channel, session = self._client.create_agent_channel(), SSHUNIXStreamSession[bytes]()
            await channel.open(lambda: session)
            return asyncssh.SSHReader(session, channel), asyncssh.SSHWriter(session, channel)

        inlet = self._agent.inlet
        return self._visit.target.create_unix_channel(), inlet.admit(connect, SSHUNIXStreamSession[bytes])

    def _open_display(self, packet: SSHPacket) -> tuple[SSHX11Channel, Awaitable[SSHTCPStreamSession[bytes]]]:
        from_host, from_port = packet.get_string().decode("utf-8", "replace"), packet.get_uint32()
        packet.check_end()

        async def connect() -> Ends:
            session = SSHTCPStreamSession[bytes]()
            channel, _ = await self._client.create_x11_connection(lambda: session, from_host, from_port)
            return asyncssh.SSHReader(session, channel), asyncssh.SSHWriter(session, channel)

        inlet = self._display.inlet
        return self._visit.target.create_x11_channel(), inlet.admit(connect, SSHTCPStreamSession[bytes])


class _Loan:
    """One thing that may be lent, which is asked about when it is first wanted."""

    def __init__(self, visit: Visit, statement: str, text: str, intents: tuple[Intent, ...]) -> None:
        self._visit = visit
        self._text = text
        self._facts = Facts(intents=intents, statements=(statement,))
        self._asking = asyncio.Lock()
        self._inlet: Inlet | None = None

    @property
    def inlet(self) -> Inlet:
        """Where what the host opens comes in. Raises ChannelOpenError where nothing is lent."""
        if self._inlet is None:
            raise asyncssh.ChannelOpenError(asyncssh.OPEN_ADMINISTRATIVELY_PROHIBITED, "it is not lent")
        return self._inlet

    async def lend(self) -> bool:
        """Lends it, where it may be; whether it is lent. Where not, the client is told why."""
        async with self._asking:
            if self._inlet is None or not self._inlet.is_open:
                self._inlet = await self._ask()
            return self._inlet is not None

    async def _ask(self) -> Inlet | None:
        visit = self._visit
        command = visit.judge.operation(self._text, self._facts, {})
        try:
            inlet = Inlet(await permitted(visit, command, visit.channels.tell))
        except Refused as refused:
            visit.channels.refuse(command.id, refused.refusal)
            return None
        except ClientGone:
            return None
        visit.hold(inlet.stay())
        return inlet
