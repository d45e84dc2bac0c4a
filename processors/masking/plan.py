"""Facts and sensitive columns -> the masking plan of a command."""

import re
from functools import lru_cache

from processors.masking.masks import FULL
from schemas.vocabulary import Facts, MaskingPlan, Output, SensitiveColumn


def make_plan(facts: Facts, columns: tuple[SensitiveColumn, ...], detectors: tuple[str, ...]) -> MaskingPlan:
    """How the answer to a command with these facts is masked.

    `columns`, `detectors`: what is sensitive on the resource. By position, an output proven to come from no
    sensitive column is "", any other has the mask that is right for computed values: lineage cannot tell
    `card` from `substring(card, 1, 6)`, of which the card's own mask would show too much. Where the target
    says that a result column is the very column, the ingress uses that column's own mask instead.
    """
    if not columns:
        return MaskingPlan(detectors=detectors)
    outputs = (
        tuple(_mask_of_output(output, columns) for output in facts.outputs) if facts.outputs_known else ()
    )
    return MaskingPlan(columns=columns, outputs=outputs, unproven=FULL, detectors=detectors)


def sensitive_column(column: str, columns: tuple[SensitiveColumn, ...]) -> SensitiveColumn | None:
    """The entry that makes "schema.table.column" sensitive: of several the one with the fewest wildcards,
    of equals the first; None when the column is not sensitive."""
    matching = [entry for entry in columns if _pattern(entry.pattern).fullmatch(column)]
    return min(matching, key=lambda entry: entry.pattern.count("*"), default=None)


def _mask_of_output(output: Output, columns: tuple[SensitiveColumn, ...]) -> str:
    if not output.proven or any(sensitive_column(source, columns) for source in output.sources):
        return FULL
    return ""


@lru_cache(maxsize=4096)
def _pattern(pattern: str) -> re.Pattern[str]:
    # A wildcard also spans dots: a name with a dot in it must not slip out of "*.*.ssn".
    return re.compile(re.escape(pattern).replace(r"\*", ".*"), re.DOTALL)
