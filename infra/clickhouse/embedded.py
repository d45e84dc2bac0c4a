"""ClickHouse's engine in this process (chdb): one process a folder, a session for each request.

Everything here blocks: call it from a thread. chdb runs the sessions of several threads side by side and
lets go of Python's lock meanwhile; one session serves one request at a time.
"""

import fcntl
import os
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from infra.config import ConfigError

_CODE = re.compile(r"Code: (\d+)\. DB::Exception: ")
_TRAILER = re.compile(r"\s*(?:\([A-Z_0-9]+\)|\(version [^()]*(?:\([^()]*\))?\)|\.)\s*$")
_NAME = re.compile(r"\(([A-Z][A-Z_0-9]+)\)")
_SETTING = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*")
_ALLOCATOR = "background_thread:true,dirty_decay_ms:200,muzzy_decay_ms:200,narenas:4"
_ESCAPES = str.maketrans({"\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r", "\b": "\\b", "\f": "\\f"})


class EngineError(Exception):
    """The engine refused or failed; `code` and `name` are ClickHouse's own, the message says why."""

    def __init__(self, code: int, name: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.name = name


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole result, and what it took."""

    data: bytes
    took: dict[str, int]  # rows and bytes read, rows of the result: the words of X-ClickHouse-Summary


@dataclass(frozen=True, slots=True)
class Block:
    """A part of a result: a whole document of the format, with so many rows."""

    data: bytes
    rows: int


@dataclass(frozen=True, slots=True)
class Kind:
    """What a text is, by the engine's own parser."""

    only_reads: bool
    statements: int


class Engine:
    """The engine with its data under `folder`. Raises ConfigError when another process holds the folder."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._lock = (folder / "lock").open("a+")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self._lock.seek(0)
            holder = self._lock.read().strip() or "unknown"
            self._lock.close()
            raise ConfigError(
                [
                    f"{folder}: the embedded ClickHouse of this folder already runs (process {holder}); "
                    "stop it, or name another folder with gateway.state"
                ]
            ) from error
        self._lock.truncate(0)
        self._lock.write(str(os.getpid()))
        self._lock.flush()
        self._chdb = _load()
        ours = files("infra.clickhouse")
        self._where = f"{folder / 'data'}?config-file={ours / 'engine.xml'}&users_config={ours / 'users.xml'}"
        try:
            self._root = self._chdb.connect(self._where)  # while it is open, the engine keeps running
        except RuntimeError as error:
            self._lock.close()
            raise ConfigError([f"{folder}: ClickHouse's engine does not open it: {error}"]) from error
        self.is_ending = False
        self.version = self._root.query("SELECT version()", "TabSeparated").bytes().decode().strip()
        self.time_zone = self._root.query("SELECT timezone()", "TabSeparated").bytes().decode().strip()

    def session(self, settings: Mapping[str, str], *, read_only: bool) -> "Session":
        """A session with these settings. Raises EngineError when one is not known or not possible.

        A read-only one can change nothing, its own settings included (readonly = 1).
        """
        return Session(self._chdb.connect(self._where), settings, read_only=read_only)

    def kill(self, comment: str) -> None:
        """Ends the queries whose setting log_comment is this, or, with "", every query: it `is_ending`."""
        self.is_ending = self.is_ending or not comment
        which = f"Settings['log_comment'] = {quoted(comment)}" if comment else "1"
        with Session(self._chdb.connect(self._where), {}, read_only=False) as session:
            session.query(f"KILL QUERY WHERE {which} ASYNC", "TabSeparated")

    def close(self) -> None:
        """Writes what is to be written and gives the folder back."""
        self._root.close()
        self._lock.close()


class Session:
    """What one request has of the engine. Use as a context manager."""

    def __init__(self, connection: Any, settings: Mapping[str, str], *, read_only: bool) -> None:
        self._connection = connection
        self._stream: Any = None
        chosen = dict(settings)
        database = chosen.pop("database", "")
        try:
            if database:
                self.query(f"USE {identifier(database)}", "TabSeparated")
            if read_only:
                chosen["readonly"] = "1"  # last: from then on nothing can be changed
            if chosen:
                pairs = ", ".join(f"{_setting(name)} = {quoted(value)}" for name, value in chosen.items())
                self.query(f"SET {pairs}", "TabSeparated")
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends the session and the query it runs."""
        self._connection.close()

    def kind(self, text: str) -> Kind:
        """What the text would do. Raises nothing: what does not parse has no statements."""
        found = self._connection.classify_query(text)
        return Kind(found["query_class"].name == "READ_ONLY", found["statement_count"])

    def canonical(self, text: str) -> str:
        """The one statement of this text as the engine's parser writes it: without comments, names and
        strings quoted in one way. Raises EngineError (62, SYNTAX_ERROR) when it is not one statement."""
        try:
            answer = self.query(
                "SELECT formatQuerySingleLine({text:String})", "TSVRaw", {"text": text.translate(_ESCAPES)}
            )
        except EngineError as error:
            raise EngineError(
                error.code, error.name, str(error).split(": In scope SELECT form")[0]
            ) from error
        return answer.data.decode(errors="replace").rstrip("\n")

    def query(self, text: str, output: str, parameters: Mapping[str, str] | None = None) -> Answer:
        """The whole answer, in the format of the text's FORMAT clause or else `output`."""
        try:
            result = self._connection.query(text, output, params=dict(parameters or {}))
        except RuntimeError as error:
            raise engine_error(error) from error
        took = {
            "read_rows": result.storage_rows_read(),
            "read_bytes": result.storage_bytes_read(),
            "result_rows": result.rows_read(),
        }
        return Answer(result.bytes(), took)

    def stream(self, text: str, output: str, parameters: Mapping[str, str]) -> Iterator[Block]:
        """The answer of a SELECT block by block; one without rows is one block without rows.

        Raises EngineError, also on the way.
        """
        try:
            self._stream = self._connection.send_query(text, output, params=dict(parameters))
            is_first = True
            while True:
                found = self._connection.streaming_fetch_result(self._stream)
                rows = found.rows_read()
                if rows or is_first:
                    yield Block(found.bytes(), rows)
                if not rows:
                    self._stream = None
                    return
                is_first = False
        except RuntimeError as error:
            self._stream = None
            raise engine_error(error) from error

    def insert(self, statement: str, data_format: str) -> "Insert":
        """Begins an INSERT; `statement` is the part before FORMAT. Raises EngineError."""
        try:
            return Insert(self._connection, self._connection.send_insert(statement, data_format))
        except RuntimeError as error:
            raise engine_error(error) from error


class Insert:
    """An INSERT whose data comes in pieces, held in memory a block at a time."""

    def __init__(self, connection: Any, handle: Any) -> None:
        self._connection = connection
        self._handle = handle

    def append(self, data: bytes) -> None:
        """Raises EngineError when the data is not of the format."""
        try:
            self._connection.insert_append(self._handle, data)
        except RuntimeError as error:
            raise engine_error(error) from error

    def finish(self) -> tuple[int, int]:
        """Commits; rows and bytes written. Raises EngineError."""
        try:
            result = self._connection.insert_done(self._handle)
        except RuntimeError as error:
            raise engine_error(error) from error
        return result.rows_written(), result.bytes_written()

    def cancel(self) -> None:
        """Nothing of what has not been written yet will be."""
        try:
            self._connection.insert_cancel(self._handle)
        except RuntimeError as error:
            raise engine_error(error) from error


def quoted(value: str) -> str:
    """The value as a string of ClickHouse's SQL."""
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def identifier(name: str) -> str:
    """The name as an identifier of ClickHouse's SQL, whatever it holds."""
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"


def engine_error(error: RuntimeError) -> EngineError:
    """chdb's error in ClickHouse's words: the innermost code, its name and the message, each once."""
    text = str(error)
    codes = list(_CODE.finditer(text))
    if not codes:
        return EngineError(1001, "STD_EXCEPTION", text.strip().splitlines()[0] if text.strip() else "failed")
    message = text[codes[-1].end() :]
    names = _NAME.findall(message)
    while (shorter := _TRAILER.sub("", message)) != message:
        message = shorter
    return EngineError(int(codes[-1][1]), names[-1] if names else "UNKNOWN", message)


def _setting(name: str) -> str:
    if not _SETTING.fullmatch(name):
        raise EngineError(115, "UNKNOWN_SETTING", f"Unknown setting {name!r}")
    return name


def _load() -> Any:
    """The engine. Loading it takes 170 MB of shared memory, so only who runs it does."""
    # Memory that a query is done with goes back at once, not after five seconds: this machine does other
    # things, too. Read when the library is loaded; the engine's allocator has a prefix of its own.
    os.environ.setdefault("JE_MALLOC_CONF", _ALLOCATOR)
    # Neither is needed for bytes in and bytes out, and without them no query reads a Python object.
    for module in ("pyarrow", "pandas"):
        sys.modules.setdefault(module, None)  # type: ignore[arg-type]  # import's own word for "not there"
    from chdb import _chdb

    return _chdb
