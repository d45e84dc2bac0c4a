"""The part of a Faust table that the desk uses, without Faust."""

import asyncio
from dataclasses import dataclass, field


@dataclass
class MemoryTable:
    """`data`: the local store. `changelog`: partition, key and value of every write, the newest last."""

    data: dict[bytes, bytes] = field(default_factory=dict)
    changelog: list[tuple[int, bytes, bytes | None]] = field(default_factory=list)
    writes: list[asyncio.Future[None]] = field(default_factory=list)

    def log(self, partition: int, key: bytes, value: bytes | None, /) -> asyncio.Future[None]:
        self.changelog.append((partition, key, value))
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.writes.append(future)
        return future

    def restored(self) -> "MemoryTable":
        """What a new worker gets back from the changelog."""
        data: dict[bytes, bytes] = {}
        for _, key, value in self.changelog:
            if value is None:
                data.pop(key, None)
            else:
                data[key] = value
        return MemoryTable(data)
