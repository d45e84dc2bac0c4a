"""A PostgreSQL client from its first byte to its last."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Callable, Coroutine

import structlog

from infra.config import Config, ConfigError, PostgresResource
from infra.credentials import Asker, CredentialUnavailable
from infra.keys import secret
from ingress.channel import Channel
from ingress.connection import Connection
from ingress.errors import IngressError, LoginRefused, TargetError
from ingress.interface import AskBeside, Narrow
from ingress.login import Login
from ingress.postgres.accounts import Accounts, Opened
from ingress.postgres.beside import ask_beside
from ingress.postgres.cancel_keys import CancelKeys
from ingress.postgres.catalogue import Catalogue
from ingress.postgres.catalogues import Catalogues
from ingress.postgres.command_roles import CommandRoles
from ingress.postgres.conversation import PostgresConversation
from ingress.postgres.judge import FactsCache, Judge, Subject
from ingress.postgres.messages import (
    AUTHENTICATION_OK,
    make_backend_key,
    make_parameter_status,
    make_ready,
)
from ingress.postgres.narrowing import Narrowing, Needs
from ingress.postgres.oauth import make_challenge
from ingress.postgres.opening import (
    ALPN,
    CancelRequest,
    make_refused,
    open_tls,
    read_startup,
    read_token,
    refuse_plainly,
)
from ingress.postgres.reasons import SETTINGS, Given, clean
from ingress.postgres.replication import ReplicationConversation
from ingress.postgres.startup import Wish
from ingress.postgres.target_connection import cancel
from ingress.session import Hands, Services, Session, SessionInfo
from processors.masking.bulk.finders import without_finder
from processors.masking.keyed import make_masks
from processors.masking.scan import make_scanner
from processors.masking.tokens import TOKENISE, Tokens
from schemas.ids import uuid7
from schemas.vocabulary import MaskingPlan, SensitiveColumn

_log = structlog.get_logger()
_OPENING_SECONDS = 60.0


class PostgresEndpoint:
    """What all PostgreSQL sessions of this ingress share."""

    def __init__(self, config: Config, login: Login, services: Services, tls: ssl.SSLContext) -> None:
        tls.set_alpn_protocols([ALPN])
        self._config = config
        self._login = login
        self._services = services
        self._tls = tls
        self._accounts = Accounts(config, services.secrets)
        self._catalogues = Catalogues(self._accounts)
        self._cancel_keys = CancelKeys()
        self._challenge = make_challenge(config)
        self._cache = FactsCache()
        key = secret(config.state, "masking")
        self._masks = make_masks(key)
        self._tokens = {
            resource.name: Tokens(key, resource.name, _sensitive(resource))
            for resource in config.resources
            if isinstance(resource, PostgresResource) and TOKENISE in resource.sensitive.columns.values()
        }
        self._sessions: set[Session] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        for resource in self._config.resources:
            if isinstance(resource, PostgresResource) and resource.sensitive.detect:
                # Compiled now, not while a client waits.
                make_scanner(resource.sensitive.detect)
                if others := without_finder(resource.sensitive.detect):
                    make_scanner(others)
        self._accounts.start()
        self._catalogues.start()

    async def stop(self, reason: str) -> None:
        """Ends every session; each client is told the reason."""
        for session in list(self._sessions):
            session.end(reason)
        await self._catalogues.stop()
        await self._accounts.stop()

    async def serve(self, sock: socket.socket) -> None:
        """One client. Returns once its session runs, or it was not let in."""
        host, port = sock.getpeername()[:2]
        address = f"{host}:{port}"
        channel: Channel | None = None
        try:
            async with asyncio.timeout(_OPENING_SECONDS):
                opened = await open_tls(sock, self._tls)
                if isinstance(opened, CancelRequest):
                    self._cancel_keys.use(opened.pid, opened.secret)
                    sock.close()
                    return
                channel = opened
                await self._open_session(channel, host, address)
        except LoginRefused as refused:
            if channel is not None:
                channel.write([make_refused(refused)])
                channel.close()
            else:
                with contextlib.suppress(OSError):
                    await refuse_plainly(sock, refused)
                sock.close()
        except (IngressError, TimeoutError, OSError) as error:
            _log.info("client.not_let_in", address=address, error=str(error) or type(error).__name__)
            _drop(channel, sock)
        except Exception:
            # A bug lets nobody in.
            _log.exception("client.failed", address=address)
            _drop(channel, sock)

    async def _open_session(self, channel: Channel, host: str, address: str) -> None:
        read = await read_startup(channel)
        if isinstance(read, CancelRequest):
            self._cancel_keys.use(read.pid, read.secret)
            channel.close()
            return
        wish, leftover = read
        token, leftover = await read_token(channel, wish, leftover, self._challenge)
        signed_in = await self._login.sign_in(wish.user, token, host)
        resource = self._login.resource(wish.resource, PostgresResource)
        database = wish.database or resource.database or resource.name
        if wish.replication and (resource.sensitive.columns or resource.sensitive.detect):
            raise LoginRefused(
                f'replication connections to resource "{resource.name}" are refused: they carry as it is '
                "what is masked there",
                "0A000",
                "Ask for a resource that masks nothing, and a rule that allows replication.",
            )
        if not self._services.bus.is_reachable or self._services.outbox.is_full:
            raise LoginRefused(
                "the gateway cannot reach Kafka, without which nothing may run",
                "57P03",
                "Try again; if it happens again, tell whoever runs the gateway.",
            )
        id = uuid7(self._services.clock())
        asker = Asker(signed_in.principal, id)
        opened, catalogue = await self._open_target(resource, database, wish, asker)
        info = SessionInfo(
            id=id,
            signed_in=signed_in,
            resource=resource.name,
            protocol="postgres",
            database=database,
            client_address=address,
            client_name=wish.client_name,
            recording=resource.recording,
        )
        self._begin(channel, opened, catalogue, resource, info, wish, leftover)

    async def _open_target(
        self, resource: PostgresResource, database: str, wish: Wish, asker: Asker
    ) -> tuple[Opened, Catalogue]:
        settings = {"client_encoding": "UTF8", **wish.settings, "database": database}
        if wish.replication:
            settings["replication"] = wish.replication
        try:
            opened = await self._accounts.open(resource, settings, asker)
            try:
                return opened, await self._catalogues.current(resource, database)
            except BaseException:
                opened.target.channel.abort()
                opened.leave()
                raise
        except TargetError as error:
            _log.error("target.not_opened", resource=resource.name, error=str(error), reason=error.reason)
            raise LoginRefused(
                f'resource "{resource.name}" cannot be opened: {error}',
                "08001",
                "The gateway's log has the details. Nothing was executed.",
            ) from error
        except ConfigError as error:
            _log.error("target.not_configured", resource=resource.name, error=str(error))
            raise LoginRefused(
                f'resource "{resource.name}" cannot be opened: the gateway has no credential for it',
                "08001",
                "The gateway's log has the details. Nothing was executed.",
            ) from error

    def _begin(
        self,
        channel: Channel,
        opened: Opened,
        catalogue: Catalogue,
        resource: PostgresResource,
        info: SessionInfo,
        wish: Wish,
        leftover: bytes,
    ) -> None:
        services, target, database = self._services, opened.target, info.database
        sensitive, detect = _sensitive(resource), resource.sensitive.detect
        tokens = self._tokens.get(resource.name)
        subject = Subject(info.principal.name, resource.name, database, sensitive, detect, tokens)
        judge = Judge(subject, self._cache, lambda: uuid7(services.clock()), catalogue)
        for name, key in SETTINGS.items():
            judge.reasons.give(Given(key, clean(wish.settings.get(name, "")), is_local=False))
        ends: list[Callable[[], None]] = []
        connection = Connection(channel, target.channel, lambda: _call_all(ends))
        hands = Hands(
            write_client=connection.write_client,
            write_target=connection.write_target,
            close=connection.close,
            cancel_target=lambda: self._spawn(self._cancel(session, resource, target.key)),
            read_catalogue=lambda: self._read_catalogue(session, conversation, resource, database),
            ask_beside=lambda asked: self._ask_beside(session, conversation, resource, asked),
            narrow=lambda asked: self._narrow(session, conversation, resource, opened.command_roles, asked),
            pressure=connection.pressure,
        )
        session = Session(info, services, hands)
        conversation: PostgresConversation | ReplicationConversation
        if wish.replication:
            conversation = ReplicationConversation(
                judge, session.release, self._config.approval_link, services.clock
            )
        else:
            conversation = PostgresConversation(
                judge=judge,
                base_plan=_base_plan(sensitive, detect),
                release=session.release,
                link=self._config.approval_link,
                clock=services.clock,
                parameters=target.parameters,
                client_name=wish.client_name,
                narrowing=_narrowing(resource, opened),
                masks={**self._masks, **tokens.masks()} if tokens is not None else self._masks,
            )
        pid, _ = target.key
        secret = self._cancel_keys.issue(pid, wish.minor, session.cancel)
        self._sessions.add(session)
        ends += [
            self._catalogues.watch(resource, database, conversation.catalogue_news),
            lambda: self._look_again(conversation, resource, database),
            lambda: self._cancel_keys.revoke(pid, secret),
            lambda: self._sessions.discard(session),
            opened.leave,
        ]
        greeting = [AUTHENTICATION_OK]
        told = {name: wish.client_name for name in target.parameters if name == "application_name"}
        greeting += [make_parameter_status(name, value) for name, value in (target.parameters | told).items()]
        greeting += [make_backend_key(pid, secret), make_ready(b"I")]
        channel.write(greeting)
        connection.run(session, conversation, leftover)

    async def _read_catalogue(
        self,
        session: Session,
        conversation: PostgresConversation | ReplicationConversation,
        resource: PostgresResource,
        database: str,
    ) -> None:
        try:
            conversation.catalogue_read(await self._catalogues.fresh(resource, database))
        except (TargetError, ConfigError) as error:
            _log.error("catalogue.not_read", resource=resource.name, error=str(error))
            session.end("the target's catalogue cannot be read any more: what names mean is not known")
            return
        session.work()

    async def _ask_beside(
        self,
        session: Session,
        conversation: PostgresConversation | ReplicationConversation,
        resource: PostgresResource,
        asked: AskBeside,
    ) -> None:
        assert isinstance(conversation, PostgresConversation), "a replication connection asks nothing"
        conversation.answered_beside(await ask_beside(self._accounts, resource, session.info.database, asked))
        session.work()

    async def _narrow(
        self,
        session: Session,
        conversation: PostgresConversation | ReplicationConversation,
        resource: PostgresResource,
        command_roles: CommandRoles | None,
        asked: Narrow,
    ) -> None:
        assert isinstance(conversation, PostgresConversation), "a replication connection has no other role"
        assert command_roles is not None, "only where commands have roles of their own"
        if isinstance(asked.needs, Needs):
            conversation.narrowed(await command_roles.narrow(asked.command, asked.needs))
        else:
            try:
                await command_roles.widen()
                # GRANT and REVOKE wrote what the catalogue is compared by.
                catalogue = await self._catalogues.fresh(resource, session.info.database)
            except (CredentialUnavailable, TargetError, ConfigError) as error:
                reason = getattr(error, "reason", str(error))
                _log.error("role.not_given_back", session=session.info.id, reason=reason)
                session.end("the gateway could not give the session its role back: the session is over")
                return
            conversation.catalogue_news(catalogue)
            conversation.narrowed(None)
        session.work()

    async def _cancel(self, session: Session, resource: PostgresResource, key: tuple[int, bytes]) -> None:
        try:
            await cancel(resource, self._config.base, key)
        finally:
            session.cancel_sent()  # it waits for that before it sends anything more

    def _look_again(
        self,
        conversation: PostgresConversation | ReplicationConversation,
        resource: PostgresResource,
        database: str,
    ) -> None:
        if conversation.leaves_unread:
            self._catalogues.look_again(resource, database)

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _narrowing(resource: PostgresResource, opened: Opened) -> Narrowing:
    ephemeral, roles = resource.credentials.ephemeral, opened.command_roles
    if ephemeral is None or roles is None:
        return Narrowing("role", "")
    return Narrowing(ephemeral.privileges, roles.acts_as)


def _sensitive(resource: PostgresResource) -> tuple[SensitiveColumn, ...]:
    return tuple(SensitiveColumn(*item) for item in resource.sensitive.columns.items())


def _drop(channel: Channel | None, sock: socket.socket) -> None:
    if channel is not None:
        channel.abort()
    else:
        sock.close()


def _call_all(functions: list[Callable[[], None]]) -> None:
    for function in functions:
        function()


def _base_plan(sensitive: tuple[SensitiveColumn, ...], detectors: tuple[str, ...]) -> MaskingPlan:
    """For texts that belong to no command: nothing about them is proven."""
    return MaskingPlan(columns=sensitive, unproven="full" if sensitive else "", detectors=detectors)
