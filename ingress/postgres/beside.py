"""Asks a target beside a session's connection: what all others see while its transaction is open."""

import asyncio
from collections.abc import Sequence

import asyncpg
import structlog

from infra.config import PostgresResource
from ingress.errors import TargetError
from ingress.interface import AskBeside
from ingress.postgres.accounts import Accounts

_log = structlog.get_logger()
_SECONDS = 4.0  # the session's transaction keeps its locks meanwhile

Rows = list[tuple[bytes | None, ...]]


async def ask_beside(
    accounts: Accounts, resource: PostgresResource, database: str, asked: AskBeside
) -> Sequence[Rows] | None:
    """The rows that answer each question, all of one snapshot and as text; None where they cannot be had."""
    try:
        async with asyncio.timeout(_SECONDS):
            connection = await accounts.connect(resource, database, "countersign review")
            try:
                async with connection.transaction(isolation="repeatable_read", readonly=True):
                    await connection.execute(asked.settings)
                    return [
                        [
                            tuple(value.encode() if value is not None else None for value in row)
                            for row in await connection.fetch(question.text, question.parameter)
                        ]
                        for question in asked.questions
                    ]
            finally:
                connection.terminate()
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TargetError, TimeoutError) as error:
        # What the target says may hold values.
        _log.warning("target.not_asked_beside", resource=resource.name, error=type(error).__name__)
        return None
