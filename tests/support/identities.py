"""Everything that says who asks, over one configuration, with keys of the test's own and without Kafka."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from infra.clock import Clock, now
from infra.config import Config
from infra.identity import Identities, Revocations, SignedIn
from infra.identity.federation import Federation
from infra.identity.ssh_certificates import CertificateReader
from infra.identity.tokens import TokenReader, TokenSigner
from infra.identity.users import Users

KEY = Ed25519PrivateKey.generate()
REACH = timedelta(hours=25)


class KnownRevocations(Revocations):
    """What was revoked is what the test applied, and all of it."""

    def __init__(self, clock: Clock = now) -> None:
        super().__init__(REACH, clock)
        self._is_current = lambda: True


def identities(
    config: Config,
    clock: Clock = now,
    revocations: Revocations | None = None,
    fetch: Callable[[str], Any] | None = None,
) -> Identities:
    """`fetch`: what stands for the network."""
    federation = Federation(config, clock, fetch) if fetch is not None else Federation(config, clock)
    return Identities(
        Users(config.identity.users, clock),
        TokenReader((KEY.public_key(),), clock),
        CertificateReader((KEY.public_key(),), clock),
        federation,
        revocations or KnownRevocations(clock),
    )


def token(proof: SignedIn, clock: Clock = now, lifetime: timedelta = timedelta(hours=1)) -> str:
    """A token of the gateway for this."""
    return TokenSigner(KEY, lifetime, clock).issue(proof)[0]


def network(documents: dict[str, Any], asked: Sequence[str] | list[str] = ()) -> Callable[[str], Any]:
    """A `fetch` over these documents, URL -> document; what is asked for is added to `asked`."""

    async def fetch(url: str) -> Any:
        if isinstance(asked, list):
            asked.append(url)
        return documents[url]

    return fetch
