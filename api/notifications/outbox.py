"""What is to be sent, on disk: a message is there until it was taken, or nobody takes it any more.

How far the approvals were read is kept in the same transaction, so that each is told once into the outbox,
whatever ends in between. A SQLite file under the state folder; one process writes.
"""

import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

_TABLES = """
CREATE TABLE IF NOT EXISTS messages (
    endpoint TEXT NOT NULL,
    id TEXT NOT NULL,
    body TEXT NOT NULL,
    made_at REAL NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    due_at REAL,  -- NULL: dead
    said TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (endpoint, id)
);
CREATE INDEX IF NOT EXISTS due ON messages (due_at);
CREATE TABLE IF NOT EXISTS posted (
    endpoint TEXT NOT NULL,
    approval TEXT NOT NULL,
    place TEXT NOT NULL,
    PRIMARY KEY (endpoint, approval)
);
CREATE TABLE IF NOT EXISTS seen (part INTEGER PRIMARY KEY, place INTEGER NOT NULL);
"""


@dataclass(frozen=True, slots=True)
class Message:
    """One message for one endpoint. `said`: why it was not taken last time."""

    endpoint: str
    id: str
    body: str
    made_at: datetime
    attempts: int = 0
    said: str = ""


class Outbox:
    """The messages of one state folder."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        path.chmod(0o600)
        self._file.execute("PRAGMA journal_mode = WAL")
        self._file.executescript(_TABLES)

    def close(self) -> None:
        self._file.close()

    @property
    def seen(self) -> dict[int, int] | None:
        """How far the approvals were read: partition -> offset. None: never."""
        return dict(self._file.execute("SELECT part, place FROM seen").fetchall()) or None

    def add(self, messages: Iterable[Message], seen: Mapping[int, int]) -> None:
        """Keeps these, and that the approvals were read so far. One that is there stays as it is."""
        with self._file:
            self._file.execute("BEGIN")
            self._file.executemany(
                "INSERT OR IGNORE INTO messages (endpoint, id, body, made_at, due_at) VALUES (?, ?, ?, ?, ?)",
                [(m.endpoint, m.id, m.body, m.made_at.timestamp(), m.made_at.timestamp()) for m in messages],
            )
            self._file.executemany("INSERT OR REPLACE INTO seen VALUES (?, ?)", list(seen.items()))

    def due(self, now: datetime, most: int = 100) -> list[Message]:
        """Those whose time has come, oldest first."""
        return self._read("due_at <= ? ORDER BY due_at, id LIMIT ?", now.timestamp(), most)

    def next_due(self) -> datetime | None:
        """When the next one is."""
        (found,) = self._file.execute("SELECT min(due_at) FROM messages").fetchone()
        return datetime.fromtimestamp(found, UTC) if found is not None else None

    def dead(self) -> list[Message]:
        """Those that nobody took, oldest first."""
        return self._read("due_at IS NULL ORDER BY made_at, id LIMIT ?", 1000)

    def taken(self, message: Message) -> None:
        self._file.execute(
            "DELETE FROM messages WHERE endpoint = ? AND id = ?", (message.endpoint, message.id)
        )

    def not_taken(self, message: Message, said: str, again_at: datetime | None) -> None:
        """It is sent again then, or is dead."""
        self._file.execute(
            "UPDATE messages SET attempts = attempts + 1, due_at = ?, said = ? WHERE endpoint = ? AND id = ?",
            (again_at.timestamp() if again_at else None, said, message.endpoint, message.id),
        )

    def posted(self, endpoint: str, approval: str) -> str | None:
        """Where the message about this approval stands, for a receiver whose messages are replaced."""
        found = self._file.execute(
            "SELECT place FROM posted WHERE endpoint = ? AND approval = ?", (endpoint, approval)
        ).fetchone()
        return str(found[0]) if found is not None else None

    def keep_posted(self, endpoint: str, approval: str, place: str) -> None:
        self._file.execute("INSERT OR REPLACE INTO posted VALUES (?, ?, ?)", (endpoint, approval, place))

    def send_again(self, now: datetime) -> int:
        """The dead are due again, from the first attempt on; how many."""
        done = self._file.execute(
            "UPDATE messages SET attempts = 0, due_at = ? WHERE due_at IS NULL", (now.timestamp(),)
        )
        return done.rowcount

    def _read(self, where: str, *given: float) -> list[Message]:
        query = f"SELECT endpoint, id, body, made_at, attempts, said FROM messages WHERE {where}"  # noqa: S608
        return [
            Message(endpoint, id, body, datetime.fromtimestamp(made_at, UTC), attempts, said)
            for endpoint, id, body, made_at, attempts, said in self._file.execute(query, given)
        ]
