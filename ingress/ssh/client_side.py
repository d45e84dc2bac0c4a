"""What asyncssh asks about one client's connection: who signs in, and what may be opened on it.

What is not answered here, asyncssh refuses.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import cast

import asyncssh

from ingress.errors import LoginRefused
from ingress.ssh.channels import Channel, Channels
from ingress.ssh.forwarding import Forwarding
from ingress.ssh.lending import Lending
from ingress.ssh.listening import Listening
from ingress.ssh.page_code import Attempt, PageCodes
from ingress.ssh.visit import Visit

_MOST_ATTEMPTS = 6  # to sign in, as OpenSSH's MaxAuthTries

Admit = Callable[[str, str | bytes], Awaitable[Visit]]
MakeProcess = Callable[[Visit], "asyncssh.SSHServerProcess[bytes]"]


@dataclass(frozen=True, slots=True)
class _SignedIn:
    visit: Visit
    forwarding: Forwarding
    listening: Listening


class ClientSide(asyncssh.SSHServer):
    """`admit(user, shown)` signs the client in by a token or a certificate, or raises LoginRefused.
    `trusts`: whether an authority's certificates are the gateway's. `codes`: of the gateway's page.
    `make_process`: serves a channel."""

    def __init__(
        self,
        admit: Admit,
        trusts: Callable[[object], bool],
        codes: PageCodes,
        make_process: MakeProcess,
    ) -> None:
        self._admit = admit
        self._trusts = trusts
        self._codes = codes
        self._attempt: Attempt | None = None
        self._make_process = make_process
        self._attempts = 0
        self._connection: asyncssh.SSHServerConnection | None = None
        self._channels: Channels | None = None
        self._signed_in: _SignedIn | None = None

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._connection = conn
        self._channels = Channels(conn)
        self._validate = conn.validate_public_key
        # asyncssh tells a server a certificate's authority alone, and takes the whole user name for its
        # principal: here the certificate itself is needed, and the resource stands behind the name.
        conn.validate_public_key = self._validate_certificate  # type: ignore[method-assign]

    def connection_lost(self, exc: Exception | None) -> None:
        self.client_left()

    def client_left(self) -> None:
        """Nobody is there any more."""
        if self._signed_in is not None:
            self._signed_in.visit.client_left("the client left")

    @property
    def channels(self) -> Channels:
        """What runs on the connection."""
        assert self._channels is not None
        return self._channels

    @property
    def client_name(self) -> str:
        """What the client calls itself."""
        assert self._connection is not None
        return str(self._connection.get_extra_info("client_version", ""))

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

    async def _let_in(self, username: str, shown: str | bytes, attempt: Attempt | None = None) -> bool:
        assert self._connection is not None
        self._attempts += 1
        if self._attempts > _MOST_ATTEMPTS:
            raise asyncssh.PermissionDenied("too many attempts to sign in")
        if self._signed_in is not None:
            return False
        try:
            if attempt is not None and isinstance(shown, str):
                shown = await self._codes.token_for(shown, attempt)
            visit = await self._admit(username, shown)
        except LoginRefused as refused:
            self._connection.send_auth_banner(f"countersign: {refused}\n{refused.hint}\n")
            return False
        Lending(visit, self._connection).begin()
        self._signed_in = _SignedIn(visit, Forwarding(visit), Listening(visit, self._connection))
        return True

    def kbdint_auth_supported(self) -> bool:
        return True

    def get_kbdint_challenge(
        self, username: str, lang: str, submethods: str
    ) -> tuple[str, str, str, list[tuple[str, bool]]]:
        self._attempt = self._codes.begin()
        link = f", or the code that {self._attempt.link} shows" if self._attempt is not None else ""
        # No name and no instruction: a client would print them among what commands write to stderr.
        return "", "", "", [(f"Countersign token of {username.partition(':')[0]}{link}: ", False)]

    async def validate_kbdint_response(self, username: str, responses: Sequence[str]) -> bool:
        return len(responses) == 1 and await self._let_in(username, responses[0], self._attempt)

    @property
    def _guest(self) -> "_SignedIn":
        """asyncssh lets nobody ask for anything before they have signed in."""
        assert self._signed_in is not None
        return self._signed_in

    # asyncssh awaits what these return, and answers the client when it is done.

    def session_requested(
        self,
    ) -> "tuple[asyncssh.SSHServerChannel[bytes], asyncssh.SSHServerSession[bytes]]":
        channel = self.channels.make()
        return channel, cast("asyncssh.SSHServerSession[bytes]", self._process(channel))

    async def _process(self, channel: Channel) -> "asyncssh.SSHServerProcess[bytes]":
        await self.channels.admit(channel)
        return self._make_process(self._guest.visit)

    def connection_requested(
        self, dest_host: str, dest_port: int, orig_host: str, orig_port: int
    ) -> "asyncssh.SSHTCPSession[bytes]":
        session = self._guest.forwarding.to_port(dest_host, dest_port)
        return cast("asyncssh.SSHTCPSession[bytes]", session)

    def unix_connection_requested(self, dest_path: str) -> "asyncssh.SSHUNIXSession[bytes]":
        return cast("asyncssh.SSHUNIXSession[bytes]", self._guest.forwarding.to_socket(dest_path))

    def tun_requested(self, unit: int | None) -> asyncssh.SSHTunTapSession:
        return cast(asyncssh.SSHTunTapSession, self._guest.forwarding.tunnel(unit, ethernet=False))

    def tap_requested(self, unit: int | None) -> asyncssh.SSHTunTapSession:
        return cast(asyncssh.SSHTunTapSession, self._guest.forwarding.tunnel(unit, ethernet=True))

    async def server_requested(self, listen_host: str, listen_port: int) -> asyncssh.SSHListener | bool:
        return await self._guest.listening.on_port(listen_host, listen_port) or False

    async def unix_server_requested(self, listen_path: str) -> asyncssh.SSHListener | bool:
        return await self._guest.listening.on_socket(listen_path) or False
