"""What asyncssh asks about one client's connection: who signs in, and what may be opened on it.

What is not answered here asyncssh refuses: forwarding to the client, sockets, tunnels, X11, the agent.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import cast

import asyncssh

from ingress.errors import LoginRefused
from ingress.ssh.forwarding import forward
from ingress.ssh.visit import Visit

MOST_CHANNELS = 10  # at a time, as OpenSSH's MaxSessions
_MOST_ATTEMPTS = 6  # to sign in, as OpenSSH's MaxAuthTries

Admit = Callable[[str, str | bytes], Awaitable[Visit]]
MakeProcess = Callable[[Visit], "asyncssh.SSHServerProcess[bytes]"]


class ClientSide(asyncssh.SSHServer):
    """`admit(user, shown)` signs the client in by a token or a certificate, or raises LoginRefused.
    `trusts`: whether an authority's certificates are the gateway's. `make_process`: serves a channel."""

    def __init__(self, admit: Admit, trusts: Callable[[object], bool], make_process: MakeProcess) -> None:
        self._admit = admit
        self._trusts = trusts
        self._make_process = make_process
        self._channels: list[asyncssh.SSHServerChannel[bytes]] = []
        self._attempts = 0
        self._forwards = 0
        self._connection: asyncssh.SSHServerConnection | None = None
        self.visit: Visit | None = None

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._connection = conn
        self._validate = conn.validate_public_key
        # asyncssh tells a server a certificate's authority alone, and takes the whole user name for its
        # principal: here the certificate itself is needed, and the resource stands behind the name.
        conn.validate_public_key = self._validate_certificate  # type: ignore[method-assign]

    def connection_lost(self, exc: Exception | None) -> None:
        if self.visit is not None:
            self.visit.client_left("the client left")

    @property
    def client_name(self) -> str:
        """What the client calls itself."""
        assert self._connection is not None
        return str(self._connection.get_extra_info("client_version", ""))

    def disconnect(self, reason: str) -> None:
        """Ends the connection; the client is told why."""
        # asyncssh closes the channels before it says so: OpenSSH may have gone by then, and heard nothing.
        for channel in self._channels:
            if not channel.is_closing():
                channel.write_stderr(f"countersign: {reason}\r\n".encode())
        if self._connection is not None:
            self._connection.disconnect(asyncssh.DISC_BY_APPLICATION, reason)

    def begin_auth(self, username: str) -> bool:
        return True

    def password_auth_supported(self) -> bool:
        return True

    def public_key_auth_supported(self) -> bool:
        return True

    def validate_ca_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        return self._trusts(key.pyca_key)

    async def _validate_certificate(
        self, username: str, key_data: bytes, msg: bytes, signature: bytes
    ) -> bool:
        name = username.partition(":")[0]
        if not await self._validate(name, key_data, msg, signature):
            return False
        if not msg:  # RFC 4252, section 7: the client asks whether it would do
            return True
        return await self._let_in(username, key_data)

    async def validate_password(self, username: str, password: str) -> bool:
        return await self._let_in(username, password)

    async def _let_in(self, username: str, shown: str | bytes) -> bool:
        assert self._connection is not None
        self._attempts += 1
        if self._attempts > _MOST_ATTEMPTS:
            raise asyncssh.PermissionDenied("too many attempts to sign in")
        if self.visit is not None:
            return False
        try:
            self.visit = await self._admit(username, shown)
        except LoginRefused as refused:
            self._connection.send_auth_banner(f"countersign: {refused}\n{refused.hint}\n")
            return False
        return True

    def kbdint_auth_supported(self) -> bool:
        return True

    def get_kbdint_challenge(
        self, username: str, lang: str, submethods: str
    ) -> tuple[str, str, str, list[tuple[str, bool]]]:
        # No name and no instruction: a client would print them among what commands write to stderr.
        return "", "", "", [(f"Countersign token of {username.partition(':')[0]}: ", False)]

    async def validate_kbdint_response(self, username: str, responses: Sequence[str]) -> bool:
        return len(responses) == 1 and await self.validate_password(username, responses[0])

    def connection_requested(
        self, dest_host: str, dest_port: int, orig_host: str, orig_port: int
    ) -> "asyncssh.SSHTCPSession[bytes]":
        if self.visit is None or self._forwards >= MOST_CHANNELS:
            raise asyncssh.ChannelOpenError(asyncssh.OPEN_RESOURCE_SHORTAGE, "too many connections")
        self._forwards += 1
        # asyncssh awaits it, and answers the client when it is done (as for its own forward_connection).
        return cast("asyncssh.SSHTCPSession[bytes]", self._forward(self.visit, dest_host, dest_port))

    async def _forward(self, visit: Visit, host: str, port: int) -> "asyncssh.SSHTCPSession[bytes]":
        def ended() -> None:
            self._forwards -= 1

        try:
            return await forward(visit, host, port, ended)
        except asyncssh.ChannelOpenError:
            ended()
            raise

    def session_requested(
        self,
    ) -> "tuple[asyncssh.SSHServerChannel[bytes], asyncssh.SSHServerProcess[bytes]]":
        assert self._connection is not None
        self._channels = [channel for channel in self._channels if not channel.is_closing()]
        if self.visit is None or len(self._channels) >= MOST_CHANNELS:
            raise asyncssh.ChannelOpenError(asyncssh.OPEN_RESOURCE_SHORTAGE, "too many channels")
        channel = self._connection.create_server_channel(encoding=None)
        self._channels.append(channel)
        return channel, self._make_process(self.visit)
