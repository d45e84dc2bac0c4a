"""Child processes that do not outlive us."""

import ctypes
import signal
import sys
from collections.abc import Callable

_PR_SET_PDEATHSIG = 1


def dying_with_us(by: signal.Signals = signal.SIGTERM) -> Callable[[], None]:
    """A `preexec_fn`: the child gets the signal `by` when the thread that started it ends.

    So a child must be started by a thread that lives as long as it should: the main thread. Linux alone
    has this (prctl(2), PR_SET_PDEATHSIG); elsewhere a child outlives a parent that was killed.
    """
    if sys.platform != "linux":
        return lambda: None
    # Loaded before the fork: the child of a process with threads must not take locks.
    prctl = ctypes.CDLL(None).prctl

    def ask() -> None:
        prctl(_PR_SET_PDEATHSIG, int(by), 0, 0, 0)

    return ask
