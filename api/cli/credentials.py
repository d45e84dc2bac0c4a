"""What `countersign login` leaves on a user's machine: a token and what renews it, for each gateway.

`credentials.json` in the user's configuration folder, readable by the user alone; a file that others may
read is not used.
"""

import fcntl
import json
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

_RENEWED_BEFORE = timedelta(minutes=1)  # that a token is still good when it has arrived


class CredentialsExposed(Exception):
    """Others on this machine may read the file."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """A signed-in user's, for one gateway."""

    principal: str
    access_token: str = field(repr=False)
    expires_at: datetime
    refresh_token: str = field(default="", repr=False)

    def lasts(self, now: datetime) -> bool:
        return now < self.expires_at - _RENEWED_BEFORE


def folder() -> Path:
    """The user's folder of ours (XDG Base Directory Specification)."""
    base = os.environ.get("XDG_CONFIG_HOME", "")
    return (Path(base) if base else Path.home() / ".config") / "countersign"


class Store:
    """The credentials of this user, by the gateway's URL."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path or folder() / "credentials.json"

    def urls(self) -> list[str]:
        """The gateways that somebody is signed in to. Raises CredentialsExposed, as all here."""
        return list(self._read())

    def get(self, url: str) -> Credentials | None:
        entry = self._read().get(url)
        if entry is None:
            return None
        return Credentials(**{**entry, "expires_at": datetime.fromisoformat(entry["expires_at"])})

    def put(self, url: str, credentials: Credentials | None) -> None:
        """Keeps them in place of what was there; None: keeps none."""
        everything = self._read()
        everything.pop(url, None)
        if credentials is not None:
            everything[url] = {**asdict(credentials), "expires_at": credentials.expires_at.isoformat()}
        draft = self._path.with_name(f".{self._path.name}.{os.getpid()}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            os.fchmod(descriptor, 0o600)
            json.dump(everything, file)
        draft.replace(self._path)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """The block runs in one process at a time: a provider may take a refresh token once."""
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self._path.with_name("credentials.lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _read(self) -> dict[str, dict[str, Any]]:
        try:
            with self._path.open() as file:
                if stat.S_IMODE(os.fstat(file.fileno()).st_mode) & 0o077:
                    raise CredentialsExposed(
                        f"others may read {self._path}: chmod 600 it, then sign in again"
                    )
                found: dict[str, dict[str, Any]] = json.load(file)
        except FileNotFoundError:
            return {}
        except ValueError:
            return {}  # cut short or of another version: sign in again
        return found
