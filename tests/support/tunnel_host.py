"""A host whose tunnels need no network device: what comes in goes back, packet by packet.

OpenSSH's sshd makes a device for each, which takes privileges that a test must not need.
"""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import asyncssh
from support.builders import Document


class _Host(asyncssh.SSHServer):
    """Lets everybody in."""

    def begin_auth(self, username: str) -> bool:
        return False

    def tun_requested(self, unit: int | None) -> asyncssh.SSHTunTapSession:
        return _echo  # type: ignore[return-value]  # asyncssh takes a handler of a stream too


async def _echo(reader: "asyncssh.SSHReader[bytes]", writer: "asyncssh.SSHWriter[bytes]") -> None:
    while packet := await reader.read():
        writer.write(packet)
    writer.close()


@contextmanager
def running_tunnel_host() -> Iterator[Document]:
    """What of a resource names it: its address and key. It ends with the block."""
    key = asyncssh.generate_private_key("ssh-ed25519")
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        listening = asyncssh.listen("127.0.0.1", 0, server_factory=_Host, server_host_keys=[key])
        server = asyncio.run_coroutine_threadsafe(_of(listening), loop).result(timeout=30)
        yield {
            "address": f"127.0.0.1:{server.get_port()}",
            "host_key": " ".join(key.export_public_key().decode().split()[:2]),
        }
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _of(listening: object) -> asyncssh.SSHAcceptor:
    return await listening  # type: ignore[misc, no-any-return]
