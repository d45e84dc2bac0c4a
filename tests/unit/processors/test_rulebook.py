import asyncio
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from support.builders import configuration, write_configuration
from support.processors_role import ORDERS
from support.reviews import DANA, ERIN, NODE, NOW

from infra.config import Config, ConfigError, load
from infra.kafka.bus import Received
from processors.policy.publishing import digest_of
from processors.rulebook import Rulebook
from schemas.envelope import envelope
from schemas.events import Event, PolicyProposed, PolicyPublished, PolicyReviewed, PolicySettled
from schemas.vocabulary import Answer, ProposalState

OPEN = "policies:\n- {name: open, when: {}, verdict: allow}\n"
SHUT = "policies:\n- {name: shut, when: {}, verdict: deny}\n"


@pytest.fixture
def config(tmp_path: Path) -> Config:
    document = configuration(
        listen={}, resources=[ORDERS], gateway={"policies": {"published_by": ["reviewers"]}}
    )
    return load(write_configuration(tmp_path, document, {}))


def received(event: Event) -> Received:
    return Received(event, "countersign.policies", 0, 0, b"", 0)


def proposal(text: str, base: str = "") -> PolicyProposed:
    return PolicyProposed(
        envelope=envelope(NOW, "api@test#1"),
        bundle="main",
        proposal=digest_of(text)[:8],
        author=DANA,
        text=text,
        digest=digest_of(text),
        base=base,
        diff="",
        comment="",
    )


def approval(asked: PolicyProposed) -> PolicyReviewed:
    return PolicyReviewed(
        envelope=envelope(NOW, "api@test#1"),
        bundle="main",
        proposal=asked.proposal,
        reviewer=ERIN,
        answer=Answer.APPROVE,
        digest=asked.digest,
        comment="",
    )


class Log:
    """The topic: what a rulebook says is read by all."""

    def __init__(self, *books: Rulebook) -> None:
        self.books = list(books)
        self.said: list[Event] = []

    async def say(self, event: Event) -> None:
        self.said.append(event)
        for book in self.books:
            book.take(received(event))

    def kinds(self) -> list[str]:
        return [type(event).__name__ for event in self.said]


async def until(log: Log, is_so: Callable[[], bool], *books: Rulebook) -> None:
    """Lets these books keep up until it is so."""
    tasks = [asyncio.ensure_future(book.keep_up(log.say, lambda: NOW)) for book in books]
    try:
        async with asyncio.timeout(10):
            while not is_so():  # noqa: ASYNC110  the books say nothing when they are done
                await asyncio.sleep(0)
    finally:
        for task in tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


def names(book: Rulebook) -> list[str]:
    return [compiled.rule.name for compiled in book.bundle.rules]


async def test_published_rules_are_on_record_before_they_are_decided_by(config: Config) -> None:
    book = Rulebook(config, NODE)
    log = Log(book)
    asked = proposal(OPEN)
    await log.say(asked)
    await log.say(approval(asked))
    seen: list[list[str]] = []
    say = log.say

    async def watched(event: Event) -> None:
        if isinstance(event, PolicyPublished):
            seen.append(names(book))
        await say(event)

    log.say = watched  # type: ignore[method-assign]  # what was in force when it went on record
    await until(log, lambda: names(book) == ["open"], book)
    assert seen == [[policy.name for policy in config.policies]]
    assert log.kinds() == ["PolicyProposed", "PolicyReviewed", "PolicySettled", "PolicyPublished"]
    published = log.said[-1]
    assert isinstance(published, PolicyPublished)
    assert (published.proposal, published.policy_version) == (asked.proposal, book.bundle.version)


async def test_a_worker_that_starts_later_decides_by_the_same(config: Config) -> None:
    first = Rulebook(config, NODE)
    log = Log(first)
    asked = proposal(OPEN)
    await log.say(asked)
    await log.say(approval(asked))
    await until(log, lambda: names(first) == ["open"], first)
    second = Rulebook(config, "processors@other#2")
    for event in log.said:
        second.take(received(event))
    await second.take_over(log.say, NOW)
    assert second.bundle.document == first.bundle.document
    said = len(log.said)
    await log.say(received(approval(asked)).event)  # a late repeat
    await until(log, lambda: second._news.empty(), second)
    assert log.kinds()[said:] == ["PolicyReviewed"]


async def test_rules_that_cannot_be_used_here_end_the_worker(config: Config) -> None:
    """Another worker, of another version, could use them."""
    book = Rulebook(config, NODE)
    asked = proposal("policies:\n- {name: new, when: {tomorrow: [x]}, verdict: allow}\n")
    book.take(received(asked))
    book.take(
        received(
            PolicySettled(
                envelope=envelope(NOW, "processors@other#2"),
                bundle="main",
                proposal=asked.proposal,
                state=ProposalState.PUBLISHED,
                digest=asked.digest,
                base="",
                decided_by=("erin",),
                comment="",
            )
        )
    )
    with pytest.raises(ConfigError, match="tomorrow"):
        await book.keep_up(Log(book).say, lambda: NOW)


async def test_without_publishers_the_file_decides(tmp_path: Path) -> None:
    plain: Any = load(write_configuration(tmp_path, configuration(listen={}, resources=[ORDERS]), {}))
    book = Rulebook(plain, NODE)
    log = Log(book)
    asked = proposal(SHUT)
    await log.say(asked)
    await log.say(approval(asked))
    await until(log, lambda: book._news.empty(), book)
    assert not book.may_change
    assert names(book) == [policy.name for policy in plain.policies]
    assert log.kinds() == ["PolicyProposed", "PolicyReviewed"]
