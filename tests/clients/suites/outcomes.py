"""How the tests of a suite ended, directly and through the gateway, and where that differs. Pure."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

Outcomes = Mapping[str, str]  # test id -> passed, failed, error, skipped, xfailed
_ABSENT = "not run"


@dataclass(frozen=True, slots=True)
class Difference:
    """One test that did not end the same way."""

    test: str
    direct: str
    gateway: str


def read(lines: Iterable[str]) -> dict[str, str]:
    """The outcomes that outcomes_plugin.py wrote."""
    return {found["test"]: found["outcome"] for found in map(json.loads, lines)}


def differences(direct: Outcomes, gateway: Outcomes) -> list[Difference]:
    """Every test whose outcome differs, those that one of the runs did not come to included."""
    return [
        Difference(test, direct.get(test, _ABSENT), gateway.get(test, _ABSENT))
        for test in sorted({*direct, *gateway})
        if direct.get(test, _ABSENT) != gateway.get(test, _ABSENT)
    ]


def steady(first: Iterable[Difference], again: Iterable[Difference]) -> list[Difference]:
    """Those that differed when they were run a second time, too, as they did then."""
    tests = {difference.test for difference in first}
    return [difference for difference in again if difference.test in tests]


@dataclass(frozen=True, slots=True)
class Listed:
    """The tests of a suite that may end otherwise, each with its reason.

    `sometimes`: whether they do depends on how quick the machine is.
    """

    always: Mapping[str, str]
    sometimes: Mapping[str, str]

    def reason(self, test: str) -> str:
        """Empty where it is not listed."""
        return self.always.get(test, "") or self.sometimes.get(test, "")


def unexpected(found: Iterable[Difference], listed: Listed) -> list[str]:
    """What differs and is not listed, and what always differed and does not any more; a line each."""
    by_test = {difference.test: difference for difference in found}
    return [
        *(
            f"not listed: {test}: {difference.direct} directly, {difference.gateway} through the gateway"
            for test, difference in by_test.items()
            if not listed.reason(test)
        ),
        *(f"listed, but does not differ: {test}" for test in listed.always if test not in by_test),
    ]


def counts(outcomes: Outcomes) -> str:
    """ "12 passed, 1 skipped" """
    found = Counter(outcomes.values())
    order = ("passed", "failed", "error", "xfailed", "skipped")
    return ", ".join(f"{found[word]} {word}" for word in order if found[word]) or "nothing ran"
