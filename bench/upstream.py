"""What stands behind the gateway, as lean as can be, in a process of its own: `python -m bench.upstream …`.

`api PORT`: an HTTP API with an answer of a hundred bytes, and `/bytes/N` of any length. `host PORT FOLDER`:
an SSH host by asyncssh that serves files, with the keys `host` and `user` of that folder.
"""

import asyncio
import sys
from pathlib import Path

import asyncssh
import uvloop

_SMALL = b'{"id": 7, "name": "Jane Doe", "total": 1024, "note": "nothing of note here, order seven"}'
_PIECE = b"x" * 65536


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            path = head.split(b" ", 2)[1]
            if not path.startswith(b"/bytes/"):
                writer.write(_head(b"application/json", len(_SMALL)) + _SMALL)
                continue
            left = int(path.rpartition(b"/")[2])
            writer.write(_head(b"application/octet-stream", left))
            while left > 0:
                writer.write(_PIECE[:left])
                left -= len(_PIECE)
                await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionResetError):
        writer.close()


def _head(media: bytes, length: int) -> bytes:
    return b"HTTP/1.1 200 OK\r\ncontent-type: %b\r\ncontent-length: %d\r\n\r\n" % (media, length)


async def _serve_api(port: int) -> None:
    server = await asyncio.start_server(_answer, "127.0.0.1", port)
    await server.serve_forever()


async def _serve_host(port: int, folder: Path) -> None:
    await asyncssh.listen(
        "127.0.0.1",
        port,
        server_host_keys=[folder / "host"],
        authorized_client_keys=str(folder / "user.pub"),
        sftp_factory=True,
    )
    await asyncio.Event().wait()


if __name__ == "__main__":
    kind, port, *folder = sys.argv[1:]
    uvloop.run(
        _serve_api(int(port)) if kind == "api" else _serve_host(int(port), Path(folder[0])),
    )
