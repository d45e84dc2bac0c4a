"""How a message is carried out: what MCP has of its own in it."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from ingress.gate import Allowed
from ingress.mcp.headers import SESSION
from ingress.mcp.messages import Id
from ingress.mcp.servers import Server
from ingress.mcp.viewing import Expected, MessageViewing
from ingress.web.answers.inspect import make_sight
from ingress.web.credentials import Granted
from ingress.web.fields import Field
from ingress.web.sinks import Words
from ingress.web.target_connection import Target
from processors.masking.masks import Mask
from schemas.vocabulary import MaskingPlan


@dataclass(slots=True)
class McpManner:
    """`method`, `id`, `known_as`: of the request that is answered, as `Expected` has them; `any_answer`: the
    stream goes on with others' too.
    `bind`: a position in the stream as the client gets it. `wanted`: the session to run it in, once somebody
    waits for its answer; None: that it was asked in."""

    server: Server
    masks: Mapping[str, Mask]
    words: Words
    method: str
    bind: Callable[[str], str | None]
    id: str = ""
    known_as: Id | None = None
    any_answer: bool = False
    wanted: Callable[[], Awaitable[str]] | None = None
    _session: str | None = None
    _is_limited: bool = False

    @property
    def resource(self) -> str:
        return self.server.resource.name

    @property
    def target(self) -> Target:
        return self.server.target

    @property
    def is_live(self) -> bool:
        return False  # streams are known by their media type

    async def granted(self) -> Granted:
        if self.wanted is not None:
            self._session = await self.wanted()
        return await self.server.granted()

    def refused_credential(self) -> None:
        self.server.refused_credential()

    def sent(self, field: Field) -> Field | None:
        if field[0] != SESSION or self._session is None:
            return field
        return (SESSION, self._session.encode()) if self._session else None

    def returned(self, field: Field) -> Field | None:
        return field

    def viewing(self, plan: MaskingPlan, secrets: tuple[bytes, ...]) -> MessageViewing:
        sight = make_sight(plan, self.masks, secrets, self.server.resource.sensitive.uninspected)
        return MessageViewing(
            sight, Expected(self.method, self.id, self.known_as, self.any_answer, self._bind)
        )

    def told(self, allowed: Allowed) -> tuple[Field, ...]:
        """Nothing; but a stream of which only so much may come cannot be gone on with elsewhere."""
        obligations = allowed.obligations
        self._is_limited = not (obligations.rows is obligations.bytes is obligations.seconds is None)
        return ()

    def place(self, value: bytes) -> bytes | None:
        return None

    def _bind(self, id: str) -> str | None:
        return None if self._is_limited else self.bind(id)
