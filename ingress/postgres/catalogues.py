"""The catalogue of each database behind the gateway, read by the gateway itself and kept fresh."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

import asyncpg
import structlog

from infra.config import PostgresResource
from ingress.errors import TargetError
from ingress.postgres.accounts import Accounts
from ingress.postgres.catalogue import Catalogue
from ingress.postgres.catalogue_reader import Reading, read_catalogue

_log = structlog.get_logger()
_FRESH = 30.0  # seconds: others change the database, too
_READ_SECONDS = 30.0


@dataclass(slots=True)
class _Kept:
    resource: PostgresResource
    database: str
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    connection: "asyncpg.Connection[asyncpg.Record] | None" = None
    reading: Reading | None = None
    read_at: float = 0.0  # when `reading` began
    watchers: set[Callable[[Catalogue], None]] = field(default_factory=set)


class Catalogues:
    """By resource and database. A reading serves all who asked before it began."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts
        self._kept: dict[tuple[str, str], _Kept] = {}
        self._task: asyncio.Task[None] | None = None
        self._closing: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        self._task = asyncio.create_task(self._refresh())

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, *self._closing, return_exceptions=True)
        for kept in self._kept.values():
            if kept.connection is not None:
                kept.connection.terminate()

    async def current(self, resource: PostgresResource, database: str) -> Catalogue:
        """One that is at most half a minute old. Raises TargetError."""
        return await self._read(self._keep(resource, database), asyncio.get_running_loop().time() - _FRESH)

    async def fresh(self, resource: PostgresResource, database: str) -> Catalogue:
        """One that was read after now. Raises TargetError."""
        return await self._read(self._keep(resource, database), asyncio.get_running_loop().time())

    def look_again(self, resource: PostgresResource, database: str) -> None:
        """Reads it now: a session ended that may have changed it, and nobody waits for the answer."""
        task = asyncio.create_task(self._look_again(self._keep(resource, database)))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    async def _look_again(self, kept: _Kept) -> None:
        if not kept.watchers:  # the next to come asks for what is fresh
            kept.read_at = float("-inf")
            return
        try:
            await self._read(kept, asyncio.get_running_loop().time())
        except TargetError as error:
            _warn(kept, error)

    def watch(
        self, resource: PostgresResource, database: str, news: Callable[[Catalogue], None]
    ) -> Callable[[], None]:
        """`news` gets each catalogue that differs from the one before, until the returned call."""
        kept = self._keep(resource, database)
        kept.watchers.add(news)
        return lambda: self._leave(kept, news)

    def _leave(self, kept: _Kept, news: Callable[[Catalogue], None]) -> None:
        kept.watchers.discard(news)
        if not kept.watchers:
            task = asyncio.create_task(self._disconnect(kept))
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)

    async def _disconnect(self, kept: _Kept) -> None:
        """Nobody uses the database: who wants to drop it must not find the gateway in it."""
        async with kept.lock:
            if not kept.watchers and kept.connection is not None:
                kept.connection.terminate()
                kept.connection = None

    def _keep(self, resource: PostgresResource, database: str) -> _Kept:
        return self._kept.setdefault((resource.name, database), _Kept(resource, database))

    async def _read(self, kept: _Kept, not_before: float) -> Catalogue:
        async with kept.lock:
            if kept.reading is not None and kept.read_at >= not_before:
                return kept.reading.catalogue
            began = asyncio.get_running_loop().time()
            before, kept.reading = kept.reading, await self._load(kept)
            kept.read_at = began
            catalogue = kept.reading.catalogue
            if before is not None and before.catalogue is not catalogue:
                for news in list(kept.watchers):
                    news(catalogue)
            return catalogue

    async def _load(self, kept: _Kept) -> Reading:
        try:
            async with asyncio.timeout(_READ_SECONDS):
                if kept.connection is None or kept.connection.is_closed():
                    kept.connection = await self._accounts.connect(
                        kept.resource, kept.database, "countersign catalogue"
                    )
                return await read_catalogue(kept.connection, kept.reading)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError) as error:
            if kept.connection is not None:
                kept.connection.terminate()
                kept.connection = None
            reason = f"{type(error).__name__}: {error}"
            raise TargetError("the target's catalogue cannot be read", reason) from error

    async def _refresh(self) -> None:
        while True:
            await asyncio.sleep(_FRESH)
            for kept in list(self._kept.values()):
                if not kept.watchers:
                    continue
                try:
                    await self._read(kept, asyncio.get_running_loop().time())
                except TargetError as error:
                    _warn(kept, error)


def _warn(kept: _Kept, error: TargetError) -> None:
    _log.warning("catalogue.not_read", resource=kept.resource.name, error=str(error), reason=error.reason)
