"""What masks the answer to one execution, as its verdict obliges: for the client, and for the recording."""

from collections.abc import Mapping

from ingress.postgres.answers.columns import FindOrigin
from ingress.postgres.answers.copy_options import copy_options
from ingress.postgres.execution import Execution
from ingress.postgres.results import ResultMasker
from processors.masking.masks import Mask
from schemas.vocabulary import Intent, MaskingPlan


def put_maskers(execution: Execution, origin: FindOrigin, masks: Mapping[str, Mask]) -> None:
    """Puts them in place, before the command leaves."""
    assert execution.allowed is not None
    obligations = execution.allowed.obligations
    if obligations.masking == MaskingPlan():
        return
    execution.masker = _make(execution, origin, masks, obligations.unmasked)
    if obligations.unmasked:
        execution.recorded = _make(execution, origin, masks, ())


def _make(
    execution: Execution, origin: FindOrigin, masks: Mapping[str, Mask], unmasked: tuple[str, ...]
) -> ResultMasker:
    assert execution.allowed is not None
    facts, statement = execution.command.facts, execution.statement
    copies = statement is not None and execution.copies
    return ResultMasker(
        execution.allowed.obligations.masking,
        origin,
        proven=Intent.UNKNOWN not in facts.intents,
        exports=Intent.EXPORT in facts.intents,
        copy=copy_options(statement.text) if statement is not None and copies else None,
        masks=masks,
        unmasked=unmasked,
    )
