"""Logs: one line an event on stderr, with a constant name and its values beside it.

    log = structlog.get_logger()
    log.info("session_opened", session=session.id, resource=resource.name)

The name never has values in it, so that it can be searched for. Text of commands, parameters, rows and
tokens do not belong in a log; keys that would hold a secret are blanked all the same, and of an exception
stand its type and where it was raised: its words may quote what was being read or written.
"""

import logging
import os
import sys
from collections.abc import Iterator
from traceback import format_tb
from typing import TextIO

import structlog
from structlog.typing import EventDict, ExcInfo, Processor, WrappedLogger

LEVEL = "COUNTERSIGN_LOG"
"""The environment variable with the level: debug, info (the default), warning or error."""

_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}
_CHATTY = (
    "aiokafka",
    "asyncio",
    "faust",
    "kafka",
    "mode",
    "httpx",
    "httpcore",
    "uvicorn",
    "clickhouse_connect",
)
_SECRET_WORDS = ("password", "token", "secret", "authorization", "credential", "cookie")


def configure_logging(role: str, stream: TextIO | None = None) -> None:
    """Sends the logs of this process, structlog's and the standard library's, to stderr (or `stream`).

    For people where stderr is a terminal, else one JSON object a line. `role` stands in every line.
    Libraries that say much are heard from warnings on. Raises ValueError when COUNTERSIGN_LOG is no level.
    """
    stream = stream if stream is not None else sys.stderr
    named = os.environ.get(LEVEL, "info").lower()
    if named not in _LEVELS:
        raise ValueError(f"{LEVEL}: expected one of {', '.join(_LEVELS)}, found {named!r}")
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        _name_role(role),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.ExceptionRenderer(_without_words),
        _blank_secrets,
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    renderer: Processor = (
        structlog.dev.ConsoleRenderer() if stream.isatty() else structlog.processors.JSONRenderer()
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    logging.root.handlers[:] = [handler]
    logging.root.setLevel(_LEVELS[named])
    for name in _CHATTY:
        logging.getLogger(name).setLevel(max(logging.WARNING, _LEVELS[named]))
    logging.captureWarnings(True)


def _name_role(role: str) -> Processor:
    def add(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
        event.setdefault("role", role)
        return event

    return add


def _without_words(exc_info: ExcInfo) -> str:
    """A traceback whose exceptions, and those that led to them, have no message. What the system says of
    itself (OSError) quotes nobody."""
    return "\n".join(_told(exc_info[1]))


def _told(error: BaseException | None) -> Iterator[str]:
    if error is None:
        return
    yield from _told(error.__cause__ or (None if error.__suppress_context__ else error.__context__))
    for one in error.exceptions if isinstance(error, BaseExceptionGroup) else ():
        yield from _told(one)
    yield "".join(format_tb(error.__traceback__)).rstrip()
    yield (
        f"{type(error).__qualname__}: {error.strerror}"
        if isinstance(error, OSError)
        else type(error).__qualname__
    )


def _blank_secrets(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    for key in event:
        if any(word in key.lower() for word in _SECRET_WORDS):
            event[key] = "(not shown)"
    return event
