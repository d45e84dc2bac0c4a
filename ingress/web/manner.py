"""What differs between the protocols on HTTP in how a request is carried out, and its answer looked at."""

from typing import Protocol

from ingress.gate import Allowed
from ingress.web.answers.counting import Counts, Filter
from ingress.web.answers.texts import Texts
from ingress.web.credentials import Granted
from ingress.web.fields import Field
from ingress.web.sinks import Words
from ingress.web.target_connection import Target
from schemas.vocabulary import MaskingPlan


class Viewing(Protocol):
    """One answer as it is looked at. `changes_length`: what leaves may have another length than what came."""

    counts: Counts
    texts: Texts

    @property
    def changes_length(self) -> bool: ...
    def filter(self, content_type: bytes) -> Filter: ...


class Manner(Protocol):
    """What differs between protocols, for one request. `resource`: its name."""

    @property
    def resource(self) -> str: ...
    @property
    def target(self) -> Target: ...
    @property
    def words(self) -> Words: ...
    @property
    def is_live(self) -> bool:
        """Whether the answer is a stream of which each piece counts when it comes, for as long as its client
        looks on."""
        ...

    async def granted(self) -> Granted:
        """The gateway's credential. Raises TargetError."""
        ...

    def refused_credential(self) -> None:
        """The target answered 401."""
        ...

    def sent(self, field: Field) -> Field | None:
        """A header field of the request as the target gets it; None where it does not."""
        ...

    def returned(self, field: Field) -> Field | None:
        """A header field of the answer as the client gets it; None where it does not."""
        ...

    def viewing(self, plan: MaskingPlan, secrets: tuple[bytes, ...]) -> Viewing:
        """How the answer is looked at."""
        ...

    def told(self, allowed: Allowed) -> tuple[Field, ...]:
        """Header fields by which the client learns how its request came to run."""
        ...

    def place(self, value: bytes) -> bytes | None:
        """A Location as the client can use it."""
        ...
