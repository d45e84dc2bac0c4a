"""Facts and sensitive columns -> the masking plan of a command."""

import re
from functools import lru_cache

from processors.masking.masks import FULL
from schemas.vocabulary import Facts, Intent, MaskingPlan, Output, SensitiveColumn

UNPROVEN = "?"
"""In a plan's `sources`: lineage does not say where the output comes from."""

_READS = frozenset((Intent.READ, Intent.PROBE, Intent.SESSION, Intent.UNKNOWN))


def make_plan(facts: Facts, columns: tuple[SensitiveColumn, ...], detectors: tuple[str, ...]) -> MaskingPlan:
    """How the answer to a command with these facts is masked.

    `columns`, `detectors`: what is sensitive on the resource. By position, an output proven to come from no
    sensitive column is "", any other has the mask that is right for computed values: lineage cannot tell
    `card` from `substring(card, 1, 6)`, of which the card's own mask would show too much. Where the target
    says that a result column is the very column, the ingress uses that column's own mask instead.
    """
    if not columns:
        return MaskingPlan(detectors=detectors)
    outputs = facts.outputs if facts.outputs_known else ()
    sources = tuple(_source(output, columns) for output in outputs)
    writes = not _READS.issuperset(facts.intents)
    return MaskingPlan(
        columns=columns,
        outputs=tuple("" if found == () else FULL for found in sources),
        # What a command wrote comes back under the column's name, and may be computed from that very column.
        sources=tuple(
            found[0] if len(found) == 1 and (output.bare or not writes or found == (UNPROVEN,)) else ""
            for output, found in zip(outputs, sources, strict=True)
        ),
        writes=writes,
        unproven=FULL,
        detectors=detectors,
    )


def sensitive_column(column: str, columns: tuple[SensitiveColumn, ...]) -> SensitiveColumn | None:
    """The entry that makes "schema.table.column" sensitive: of several the one with the fewest wildcards,
    of equals the first; None when the column is not sensitive."""
    matching = [entry for entry in columns if _pattern(entry.pattern).fullmatch(column)]
    return min(matching, key=lambda entry: entry.pattern.count("*"), default=None)


def _source(output: Output, columns: tuple[SensitiveColumn, ...]) -> tuple[str, ...]:
    """The sensitive columns an output comes from; UNPROVEN alone where that is not known."""
    found = tuple(source for source in output.sources if sensitive_column(source, columns))
    return found if output.proven else (found or (UNPROVEN,))


@lru_cache(maxsize=4096)
def _pattern(pattern: str) -> re.Pattern[str]:
    # A wildcard also spans dots: a name with a dot in it must not slip out of "*.*.ssn".
    return re.compile(re.escape(pattern).replace(r"\*", ".*"), re.DOTALL)
