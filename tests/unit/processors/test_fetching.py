from types import SimpleNamespace
from typing import Any

import pytest

from processors.fetching import shorten_fetches


class Fetcher:
    """What aiokafka's fetcher has of it: it makes a fetch of what it was told last."""

    def __init__(self) -> None:
        self._fetch_max_wait_ms = 1500
        self._prefetch_backoff = 0.1
        self._records: dict[str, bytes] = {}
        self.fetches: list[int] = []

    def _get_actions_per_node(self, assignment: Any) -> Any:
        self.fetches.append(self._fetch_max_wait_ms)
        return assignment


def app_with(fetcher: Any) -> Any:
    return SimpleNamespace(
        consumer=SimpleNamespace(_thread=SimpleNamespace(_consumer=SimpleNamespace(_fetcher=fetcher)))
    )


def test_a_fetch_that_leaves_a_partition_out_is_a_short_one() -> None:
    fetcher = Fetcher()
    shorten_fetches(app_with(fetcher))
    assert fetcher._get_actions_per_node("assignment") == "assignment"
    fetcher._records["commands-0"] = b"not taken yet"
    fetcher._get_actions_per_node("assignment")
    del fetcher._records["commands-0"]
    fetcher._get_actions_per_node("assignment")
    with_all, without_one, with_all_again = fetcher.fetches
    assert without_one < with_all == with_all_again < 1500


def test_after_another_rebalance_it_stays_so() -> None:
    fetcher = Fetcher()
    shorten_fetches(app_with(fetcher))
    once = fetcher._get_actions_per_node
    shorten_fetches(app_with(fetcher))
    assert fetcher._get_actions_per_node is once


def test_another_aiokafka_is_noticed() -> None:
    with pytest.raises(AttributeError, match="elsewhere"):
        shorten_fetches(app_with(object()))
