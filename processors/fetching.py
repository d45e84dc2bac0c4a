"""How long Kafka may keep a fetch of the workers', and how soon they fetch again."""

from typing import Any

_WITH_ALL = 500  # milliseconds: Kafka answers at once where there is news
_WITHOUT_SOME = 40  # milliseconds that news on the partitions left out may wait
_FOR_TAKING = 0.01  # seconds


def shorten_fetches(app: Any) -> None:
    """Has Kafka be asked, and answer, in time, and seldom while there is nothing. To be called once the
    consumer runs; again changes nothing.

    aiokafka sends a node one fetch at a time. Faust (0.15.3) has Kafka keep each for 1,500 ms where there is
    no news, and has no setting for it; a partition that is left out of one, since its last messages are still
    being taken, waits so long. So a fetch that leaves some out is a short one. And before the next fetch
    aiokafka (0.14.0) waits up to 100 ms for messages that have not been taken: one decision in fifty did.
    """
    fetcher = app.consumer._thread._consumer._fetcher
    needed = ("_fetch_max_wait_ms", "_prefetch_backoff", "_records", "_get_actions_per_node")
    if not all(hasattr(fetcher, name) for name in needed):
        raise AttributeError("aiokafka keeps the waits of its fetches elsewhere now")
    fetcher._prefetch_backoff = _FOR_TAKING
    if "_get_actions_per_node" in vars(fetcher):
        return
    next_fetches = fetcher._get_actions_per_node

    def next_fetches_in_time(assignment: Any) -> Any:
        fetcher._fetch_max_wait_ms = _WITHOUT_SOME if fetcher._records else _WITH_ALL
        return next_fetches(assignment)

    fetcher._get_actions_per_node = next_fetches_in_time
