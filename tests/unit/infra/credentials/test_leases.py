"""Credentials for one session each: taken, renewed while they are held, given back once, swept."""

import asyncio
from dataclasses import dataclass, field

from support.wait import eventually

from infra.credentials import Asker, CredentialUnavailable, Leases
from schemas.vocabulary import Principal, PrincipalKind

WHO = Asker(Principal("agent-7", PrincipalKind.AGENT, ()), "session-1")


@dataclass(slots=True)
class Told:
    """A maker that remembers what it was told, and fails where it is told to."""

    said: list[str] = field(default_factory=list)
    fails: set[str] = field(default_factory=set)

    def _say(self, what: str) -> None:
        self.said.append(what)
        if what.split()[0] in self.fails:
            raise CredentialUnavailable("no", "it fails here")

    async def make(self, asker: Asker, lifetime: float) -> str:
        self._say("make")
        return f"{asker.principal.name}#{len(self.said)}"

    async def used(self, credential: str, lifetime: float) -> None:
        self._say(f"used {credential}")

    async def renew(self, credentials: list[str], lifetime: float) -> None:
        self._say(f"renew {' '.join(credentials)}")

    async def end(self, credential: str) -> None:
        self._say(f"end {credential}")

    async def sweep(self) -> None:
        self._say("sweep")


async def test_what_is_held_is_renewed_and_what_is_not_is_not() -> None:
    maker = Told()
    leases = Leases("orders", maker, 0.03)
    kept, returned = await leases.take(WHO), await leases.take(WHO)
    leases.give_back(returned)
    leases.start()
    await eventually(lambda: maker.said.count(f"renew {kept}") >= 2)
    assert not any(said.startswith("renew") and returned in said for said in maker.said)
    assert maker.said.count("sweep") >= 1
    await leases.stop()
    assert maker.said[-1] == f"end {kept}"


async def test_it_is_given_back_once() -> None:
    maker = Told()
    leases = Leases("orders", maker, 60.0)
    credential = await leases.take(WHO)
    leases.give_back(credential)
    leases.give_back(credential)
    await leases.stop()
    assert maker.said == ["make", f"end {credential}"]


async def test_a_target_that_is_away_for_a_moment_ends_nothing() -> None:
    maker = Told(fails={"renew", "sweep", "end"})
    leases = Leases("orders", maker, 0.03)
    credential = await leases.take(WHO)
    leases.start()
    await eventually(lambda: len(maker.said) > 3)
    maker.fails.clear()
    await eventually(lambda: "sweep" in maker.said)
    maker.fails.add("end")
    leases.give_back(credential)  # it is logged, and swept later
    await asyncio.wait_for(leases.stop(), 5)
    assert f"end {credential}" in maker.said
