"""What the client types before its command may run: kept for the command, unless it is Ctrl-C."""

import asyncssh

_MOST = 64 * 1024  # bytes; more waits in the client
_CTRL_C = b"\x03"
_LET_GO = frozenset({"INT", "TERM", "HUP", "QUIT", "KILL"})


class Keyboard:
    """One channel's input, with what was read of it early."""

    def __init__(self, process: asyncssh.SSHServerProcess[bytes]) -> None:
        self._process = process
        self._early: list[bytes] = []
        self._size = 0

    async def wants_out(self) -> None:
        """Returns when the client no longer wants the command: Ctrl-C at a terminal, or a signal."""
        has_terminal = self._process.term_type is not None
        while True:
            try:
                data = await self._process.stdin.read(_MOST) if self._size < _MOST else b""
            except asyncssh.TerminalSizeChanged:
                continue
            except asyncssh.BreakReceived:
                return None
            except asyncssh.SignalReceived as received:
                if received.signal in _LET_GO:
                    return None
                continue
            if not data:
                return await _for_ever(self._process)
            if has_terminal and _CTRL_C in data:
                return None
            self._early.append(data)
            self._size += len(data)

    async def read(self, size: int) -> bytes:
        """As the channel's own `read`: what was read early comes first."""
        if self._early:
            return self._early.pop(0)
        return await self._process.stdin.read(size)


async def _for_ever(process: asyncssh.SSHServerProcess[bytes]) -> None:
    """Nothing more is read: the end of the channel ends the wait."""
    await process.wait_closed()
