"""How a process tells whoever started it that it serves."""

import os

READY_FD = "COUNTERSIGN_READY_FD"
"""The environment variable that names the file descriptor a supervisor reads from."""

READY = b"ready\n"


def report_ready() -> None:
    """Tells the supervisor, once, that this process serves; nothing happens where there is none.

    Writes "ready" and a newline to the file descriptor named by COUNTERSIGN_READY_FD and closes it. Only
    the first call does: the variable is taken out of the environment. Raises ValueError when the variable
    is no number and OSError when the descriptor is not open.
    """
    named = os.environ.pop(READY_FD, "")
    if not named:
        return
    with os.fdopen(int(named), "wb") as supervisor:
        supervisor.write(READY)
