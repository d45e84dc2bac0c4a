"""When a message that was not taken is sent again (Standard Webhooks, "Deliverability"). Pure."""

from datetime import timedelta

# After the first attempt, seconds before each further one: more than a day and a half in all.
_WAITS = (5, 5 * 60, 30 * 60, 2 * 3600, 5 * 3600, 10 * 3600, 14 * 3600, 20 * 3600)
_MOST_WAIT = timedelta(hours=24)
GONE = 410  # the receiver wants no more of them


def next_attempt(attempts: int, status: int | None, retry_after: str | None) -> timedelta | None:
    """How long to wait after so many attempts, the last answered so (None: not at all); None: no more.

    A receiver that says how long counts where it is longer (RFC 9110, section 10.2.3, in seconds).
    """
    if status == GONE or attempts > len(_WAITS):
        return None
    wait = timedelta(seconds=_WAITS[attempts - 1])
    if retry_after is not None and retry_after.isdecimal() and len(retry_after) < 8:
        wait = max(wait, min(timedelta(seconds=int(retry_after)), _MOST_WAIT))
    return wait
