"""A process at the host: a command line, a shell or a subsystem, with its client's terminal and display."""

from collections.abc import Mapping

import asyncssh
from asyncssh.constants import OPEN_REQUEST_X11_FORWARDING_FAILED

from ingress.ssh.visit import Visit
from ingress.terminal.cast import RESIZE

Process = asyncssh.SSHServerProcess[bytes]


async def start_at_host(
    visit: Visit,
    process: Process,
    text: str | None,
    environment: Mapping[str, str],
    subsystem: str | None = None,
) -> "asyncssh.SSHClientProcess[bytes]":
    """`process`: the client's. `text`: a command line; None for a subsystem, or else a shell. Raises
    asyncssh.Error and OSError."""

    async def start(display: str | None) -> "asyncssh.SSHClientProcess[bytes]":
        return await visit.target.create_process(
            text,
            subsystem=subsystem,
            encoding=None,
            env=environment,
            term_type=process.term_type,
            term_size=process.term_size,
            term_modes=process.term_modes,
            request_pty="force" if process.term_type is not None else False,
            x11_forwarding=display is not None,
            x11_display=display,
        )

    if process.term_type is not None:
        width, height, *_ = process.term_size
        visit.record(RESIZE, f"{width}x{height}")
    display = process.channel.get_x11_display()
    try:
        return await start(display)
    except asyncssh.ChannelOpenError as error:
        if display is None or error.code != OPEN_REQUEST_X11_FORWARDING_FAILED:
            raise
        # Nothing has been executed: the host says so before it hears the command.
        visit.channels.tell(
            "countersign: the host does not take a display (X11Forwarding in its sshd_config)"
        )
        return await start(None)
