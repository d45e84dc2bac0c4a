"""How a request to an API is carried out: what HTTP APIs have of their own in it."""

from collections.abc import Mapping
from dataclasses import dataclass

from ingress.gate import Allowed
from ingress.http.apis import Api
from ingress.web.answers.heads import location
from ingress.web.answers.inspect import Inspection, make_sight
from ingress.web.credentials import Granted
from ingress.web.entity_tags import CONDITIONS
from ingress.web.fields import Field
from ingress.web.sinks import Words
from ingress.web.target_connection import Target
from processors.masking.masks import Mask
from schemas.vocabulary import MaskingPlan


@dataclass(frozen=True, slots=True)
class ApiManner:
    """`path`: the request's. `prefix`: what stands before the API's paths."""

    api: Api
    path: str
    masks: Mapping[str, Mask]
    prefix: str
    words: Words

    @property
    def resource(self) -> str:
        return self.api.resource.name

    @property
    def target(self) -> Target:
        return self.api.target

    @property
    def is_live(self) -> bool:
        return False  # server-sent events are known by their media type

    async def granted(self) -> Granted:
        return await self.api.granted()

    def refused_credential(self) -> None:
        self.api.refused_credential()

    def sent(self, field: Field) -> Field | None:
        if field[0] in CONDITIONS and self.api.tags is not None:
            return self.api.tags.restored(field, self.path)
        return field

    def returned(self, field: Field) -> Field | None:
        name, value = field
        if name != b"etag" or self.api.tags is None:
            return field
        hidden = self.api.tags.hidden(value, self.path)
        return None if hidden is None else (name, hidden)

    def viewing(self, plan: MaskingPlan, secrets: tuple[bytes, ...]) -> Inspection:
        return Inspection(make_sight(plan, self.masks, secrets, self.api.resource.sensitive.uninspected))

    def told(self, allowed: Allowed) -> tuple[Field, ...]:
        return ()

    def place(self, value: bytes) -> bytes | None:
        return location(value, self.api.target.origin, self.prefix)
