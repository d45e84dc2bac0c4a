"""How a request to a cluster is carried out: what clusters have of their own in it."""

from collections.abc import Mapping
from dataclasses import dataclass

from ingress.gate import Allowed
from ingress.kubernetes.accept import accepted
from ingress.kubernetes.clusters import Cluster
from ingress.kubernetes.refusal import decided_text, warning
from ingress.kubernetes.requested import Requested
from ingress.kubernetes.sensitivity import has_own_fields
from ingress.kubernetes.viewing import AnswerViewing
from ingress.web.answers.heads import location
from ingress.web.credentials import Granted
from ingress.web.fields import Field
from ingress.web.sinks import Words
from ingress.web.target_connection import Target
from processors.masking.masks import Mask
from schemas.vocabulary import MaskingPlan, Principal


@dataclass(frozen=True, slots=True)
class ClusterManner:
    """`prefix`: what stands before the cluster's paths."""

    cluster: Cluster
    requested: Requested
    principal: Principal
    masks: Mapping[str, Mask]
    prefix: str
    words: Words

    @property
    def resource(self) -> str:
        return self.cluster.resource.name

    @property
    def target(self) -> Target:
        return self.cluster.target

    @property
    def is_live(self) -> bool:
        return self.requested.is_watch or (self.requested.is_log and self.requested.says("follow"))

    async def granted(self) -> Granted:
        return await self.cluster.credentials.granted(self.principal)

    def refused_credential(self) -> None:
        self.cluster.credentials.refused()

    def sent(self, field: Field) -> Field | None:
        name, value = field
        if name == b"audit-id":
            return None  # by which the cluster's audit log tells requests apart
        if name == b"accept" and not self.requested.path.startswith("/openapi/"):
            with_tables = not has_own_fields(self.requested.kind, self.cluster.sensitive)
            return name, accepted(value, with_tables=with_tables)
        return field

    def returned(self, field: Field) -> Field | None:
        return field

    def viewing(self, plan: MaskingPlan, secrets: tuple[bytes, ...]) -> AnswerViewing:
        return AnswerViewing(self.requested, plan, self.masks, secrets)

    def told(self, allowed: Allowed) -> tuple[Field, ...]:
        return (warning(decided_text(allowed)),) if allowed.approval else ()

    def place(self, value: bytes) -> bytes | None:
        return location(value, self.cluster.target.origin, self.prefix)
