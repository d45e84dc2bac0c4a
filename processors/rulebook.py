"""The rules to decide by: those of the configuration file or, where persons may publish others, the ones that
were published last. Every worker follows the log of proposals by itself, and takes them over as they come."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime

import structlog

from infra.config import Config, ConfigError
from infra.kafka.bus import Received
from processors.configured import bundle_of, with_rules
from processors.policy.bundle import BUNDLE, Bundle
from processors.policy.publishing import Publications, settle
from schemas.envelope import envelope
from schemas.events import Event, PolicyPublished, PolicyReviewed, PolicySettled
from schemas.ids import derived_id
from schemas.vocabulary import ProposalState

_log = structlog.get_logger()

Say = Callable[[Event], Awaitable[None]]
"""Publishes an event; done once it is durable."""


class Rulebook:
    """The bundle in force. `take` is given the topic of proposals, from its beginning; `keep_up` does what
    follows from it, once what was there has been read."""

    def __init__(self, config: Config, node: str) -> None:
        """Raises ConfigError where the configuration's own rules cannot be used."""
        self._config = config
        self._node = node
        self._publications = Publications()
        self._news: asyncio.Queue[PolicyReviewed | PolicySettled] = asyncio.Queue()
        self._proposal = ""  # whose rules are decided by; empty: those of the file
        self.bundle = bundle_of(config)

    @property
    def may_change(self) -> bool:
        """Whether other rules may be published while this process runs."""
        return bool(self._publishers)

    def take(self, received: Received) -> None:
        """Takes in an event of the topic; a repeat changes nothing."""
        self._publications.apply(received.event)
        if isinstance(received.event, PolicyReviewed | PolicySettled):
            self._news.put_nowait(received.event)

    async def take_over(self, say: Say, now: datetime) -> None:
        """Decides by the rules in force from now on, which is on record before the first verdict by them.

        Raises ConfigError where they cannot be used: to go on with older ones would not be what was decided.
        """
        in_force = self._publications.in_force
        bundle, proposal = self.bundle, self._proposal
        if in_force is not None and in_force.id != proposal:
            bundle = await asyncio.to_thread(self._bundle_of, in_force.proposed.text)
            proposal = in_force.id
        id = derived_id("policy published", proposal, bundle.version, self._node)
        await say(
            PolicyPublished(
                envelope=envelope(now, self._node, id=id),
                bundle=BUNDLE,
                policy_version=bundle.version,
                document=bundle.document,
                proposal=proposal,
            )
        )
        self.bundle, self._proposal = bundle, proposal
        _log.info("rules_in_force", policy_version=bundle.version, proposal=proposal)

    async def keep_up(self, say: Say, clock: Callable[[], datetime]) -> None:
        """Settles proposals and takes published rules over, until it is cancelled. Raises as `take_over`."""
        while True:
            event = await self._news.get()
            if isinstance(event, PolicyReviewed):
                await self._settle(event, say)
            in_force = self._publications.in_force
            if in_force is not None and in_force.id != self._proposal:
                await self.take_over(say, clock())

    async def _settle(self, event: PolicyReviewed, say: Say) -> None:
        found, problems = self._publications.get(event.proposal), []
        if found is not None and found.state is ProposalState.PENDING:
            # In a thread: to try many expressions takes a second, and commands wait for verdicts here.
            problems = await asyncio.to_thread(self._problems, found.proposed.text)
        settled = settle(self._publications, event, self._publishers, problems, self._node)
        if isinstance(settled, str):
            _log.info("policy_review_ignored", proposal=event.proposal, reason=settled)
        else:
            await say(settled)

    @property
    def _publishers(self) -> tuple[str, ...]:
        return self._config.gateway.policies.published_by

    def _bundle_of(self, text: str) -> Bundle:
        return bundle_of(with_rules(self._config, text))

    def _problems(self, text: str) -> list[str]:
        try:
            with_rules(self._config, text)
        except ConfigError as error:
            return error.problems
        return []
