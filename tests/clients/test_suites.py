"""How `make client-suites` compares two runs of a suite."""

from clients.suites.outcomes import Difference, Listed, counts, differences, read, steady, unexpected

A, B = Difference("a", "passed", "failed"), Difference("b", "passed", "not run")


def test_what_one_run_did_not_come_to_differs_too() -> None:
    direct = {"a": "passed", "b": "passed", "c": "failed"}
    assert differences(direct, {"a": "failed", "c": "failed"}) == [A, B]


def test_what_differs_once_and_not_again_is_unsteady_by_itself() -> None:
    assert steady([A, B], [B]) == [B]


def test_each_difference_must_be_listed_and_each_listed_one_be_there() -> None:
    assert unexpected([A], Listed({"a": "because"}, {})) == []
    assert unexpected([A], Listed({}, {})) == ["not listed: a: passed directly, failed through the gateway"]
    assert unexpected([], Listed({"a": "because"}, {})) == ["listed, but does not differ: a"]


def test_what_differs_sometimes_may_be_there_or_not() -> None:
    listed = Listed({}, {"a": "slow"})
    assert unexpected([A], listed) == unexpected([], listed) == []


def test_the_last_line_of_a_test_counts() -> None:
    lines = ['{"test": "a", "outcome": "passed"}', '{"test": "b", "outcome": "skipped"}']
    assert counts(read(lines)) == "1 passed, 1 skipped"
    assert counts({}) == "nothing ran"
