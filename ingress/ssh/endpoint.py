"""An SSH client from its first byte to its last."""

import asyncio
import contextlib
import socket
from collections import defaultdict

import asyncssh
import structlog

from infra.config import Config, ConfigError, SshResource
from infra.credentials import Asker
from infra.identity import SignedIn
from infra.ssh_keys import ssh_host_key
from ingress.errors import LoginRefused, TargetError
from ingress.gate import Refusal
from ingress.inquiry import Inquiry, hands_off
from ingress.interface import Frame
from ingress.login import Login
from ingress.recorder import most_of_a_file_at
from ingress.session import Services, Session, SessionInfo
from ingress.ssh.algorithms import CIPHERS, COMPRESSIONS, KEY_EXCHANGES, MACS, SIGNATURES
from ingress.ssh.certificates import certificates_of
from ingress.ssh.client_side import ClientSide
from ingress.ssh.execution import Execution
from ingress.ssh.files import Files
from ingress.ssh.judge import LONGEST, Judge, Subject
from ingress.ssh.page_code import PageCodes
from ingress.ssh.refusal import TOO_LONG
from ingress.ssh.start import Process
from ingress.ssh.target_side import open_target
from ingress.ssh.visit import ClientGone, Visit
from ingress.terminal.cast import make_header
from processors.masking.scan import make_scanner
from schemas.ids import uuid7

_log = structlog.get_logger()
_SIGN_IN_SECONDS = 120  # as OpenSSH's LoginGraceTime: somebody may have to go to a page
_KEEPALIVE = 30  # seconds between two; three unanswered ones end the connection
_SFTP_VERSION = 3
_LAST_WORDS = 2.0  # seconds for clients to take the reason when the gateway stops
_MOST_SIGNING_IN = 100  # connections that have not signed in yet, as OpenSSH's MaxStartups
_NO_SHELL = Refusal(
    message="this resource has no interactive shells through the gateway",
    hint="Nothing was executed. Send single commands: ssh … 'the command'.",
)


class SshEndpoint:
    """What all SSH sessions of this ingress share."""

    def __init__(self, config: Config, login: Login, services: Services) -> None:
        self._config = config
        self._login = login
        self._services = services
        self._host_key = asyncssh.read_private_key(ssh_host_key(config.state))
        self._certificates = certificates_of(config.state, services.clock)
        self._page_codes = PageCodes(config)
        self._signing_in = 0
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)  # by resource
        self._connections: set[asyncssh.SSHServerConnection] = set()

    async def start(self) -> None:
        asyncssh.set_log_level("WARNING")  # above, it logs commands as they are
        for resource in self._config.resources:
            if isinstance(resource, SshResource) and resource.sensitive.detect:
                make_scanner(resource.sensitive.detect)  # compiled now, not while a client waits
        line = self._known_hosts_line()
        (self._config.state / "ssh" / "known_hosts").write_text(line + "\n")
        _log.info("ssh.host_key", known_hosts=line, fingerprint=self._host_key.get_fingerprint())

    async def stop(self, reason: str) -> None:
        """Ends every session; each client is told the reason."""
        for connection in list(self._connections):
            connection.disconnect(asyncssh.DISC_BY_APPLICATION, reason)
        closing = [asyncio.ensure_future(connection.wait_closed()) for connection in self._connections]
        if closing:
            await asyncio.wait(closing, timeout=_LAST_WORDS)

    async def serve(self, sock: socket.socket) -> None:
        """One client. Returns once it is gone."""
        host, port = sock.getpeername()[:2]
        if self._signing_in >= _MOST_SIGNING_IN:
            sock.close()
            return
        client = ClientSide(
            lambda user, shown: self._admit(client, user, shown, host, f"{host}:{port}"),
            self._login.trusts_authority,
            self._page_codes,
            self._make_process,
        )
        self._signing_in += 1
        try:
            connection = await asyncssh.run_server(
                sock,
                config=None,
                server_factory=lambda: client,
                server_host_keys=[self._host_key],
                server_version="Countersign",
                encoding=None,
                line_editor=False,
                agent_forwarding=False,
                x11_forwarding=False,
                gss_host=None,
                kex_algs=KEY_EXCHANGES,
                encryption_algs=CIPHERS,
                mac_algs=MACS,
                signature_algs=SIGNATURES,
                compression_algs=COMPRESSIONS,
                login_timeout=_SIGN_IN_SECONDS,
                keepalive_interval=_KEEPALIVE,
                keepalive_count_max=3,
            )
        except (asyncssh.Error, OSError) as error:
            _log.info("client.not_let_in", address=f"{host}:{port}", error=str(error))
            client.client_left()
            return
        finally:
            self._signing_in -= 1
        self._connections.add(connection)
        try:
            await connection.wait_closed()
        finally:
            self._connections.discard(connection)

    async def _admit(
        self, client: ClientSide, user: str, shown: str | bytes, host: str, address: str
    ) -> Visit:
        """Signs in the client and then the gateway at the host. Raises LoginRefused."""
        name, colon, resource_name = user.partition(":")
        if isinstance(shown, bytes):
            signed_in = self._login.sign_in_by_certificate(name, shown, host)
        else:
            signed_in = await self._login.sign_in(name, shown, host)
        resource = self._config.resource(resource_name)
        if not isinstance(resource, SshResource):
            said = f'"{resource_name}" is no host behind this gateway' if colon else "no host is named"
            raise LoginRefused(said, "", f"Sign in as {name}:RESOURCE, such as ssh {name}:web-1@gateway.")
        if not self._services.bus.is_reachable or self._services.outbox.is_full:
            raise LoginRefused(
                "the gateway cannot reach Kafka, without which nothing may run", "", "Try again later."
            )
        asker = Asker(signed_in.principal, uuid7(self._services.clock()))
        try:
            target = await open_target(resource, self._services.secrets, self._certificates, asker)
        except (TargetError, ConfigError) as error:
            reason = error.reason if isinstance(error, TargetError) else str(error)
            _log.error("target.not_opened", resource=resource.name, reason=reason)
            said = str(error) if isinstance(error, TargetError) else "the gateway has no credential for it"
            raise LoginRefused(
                f'resource "{resource.name}" cannot be opened: {said}',
                "",
                "The gateway's log has the details. Nothing was executed.",
            ) from error
        return self._begin(client, resource, signed_in, asker.session, address, target)

    def _begin(
        self,
        client: ClientSide,
        resource: SshResource,
        signed_in: SignedIn,
        id: str,
        address: str,
        target: asyncssh.SSHClientConnection,
    ) -> Visit:
        services = self._services
        principal = signed_in.principal
        user = resource.credentials.user
        info = SessionInfo(
            id=id,
            signed_in=signed_in,
            resource=resource.name,
            protocol="ssh",
            database="",
            client_address=address,
            client_name=client.client_name,
            recording=resource.recording,
        )
        inquiry = Inquiry(client.channels.disconnect)
        room = asyncio.Event()
        room.set()
        hands = hands_off(lambda: room.clear() if session.recorder.is_behind else room.set())
        session = Session(info, services, hands)
        inquiry.begin(session)
        inquiry.record(
            Frame.ANSWER,
            make_header(int(services.clock().timestamp()), f"{principal.name} on {resource.name}"),
        )
        subject = Subject(principal.name, resource.name, user, resource.sensitive.detect)
        judge = Judge(subject, lambda: uuid7(services.clock()))
        channels = client.channels
        link, most_of_a_file = self._config.approval_link, most_of_a_file_at(info.recording)
        return Visit(judge, inquiry, services, target, link, room, channels, most_of_a_file)

    def _make_process(self, visit: Visit) -> Process:
        """What serves a channel: a command line, a shell, or SFTP and SCP."""
        return asyncssh.SSHServerProcess(
            lambda process: self._serve_channel(visit, process),
            lambda channel: Files(visit, channel, self._turns[visit.judge.subject.resource]),
            _SFTP_VERSION,
            True,
        )

    async def _serve_channel(self, visit: Visit, process: Process) -> None:
        visit.channels.catch_up()
        with contextlib.suppress(ClientGone, asyncio.CancelledError):
            await visit.serve(self._run(visit, process), process.wait_closed())

    async def _run(self, visit: Visit, process: Process) -> None:
        resource = self._config.resource(visit.judge.subject.resource)
        assert isinstance(resource, SshResource)
        execution = Execution(visit, process, resource.environment)
        try:
            if process.subsystem is not None:
                await execution.subsystem(process.subsystem)
            elif process.command is None:
                if resource.shells == "none":
                    execution.refuse("", _NO_SHELL)
                elif resource.shells == "lines":
                    await execution.lines()
                else:
                    await execution.shell()
            elif len(process.command) > LONGEST:
                execution.refuse("", TOO_LONG)
            else:
                await execution.line(process.command)
        except (asyncssh.Error, OSError) as error:
            _log.info("channel.ended", error=str(error) or type(error).__name__)
        except Exception:
            # A bug ends the channel, and lets nothing through.
            _log.exception("channel.failed")
            process.exit(255)

    def _known_hosts_line(self) -> str:
        address = self._config.gateway.listen.ssh
        assert address is not None
        host = address.host if address.port == 22 else f"[{address.host}]:{address.port}"
        return f"{host} {self._host_key.export_public_key().decode().strip()}"
