"""Facts and sensitive columns -> the masking plan of a command."""

import re
from functools import lru_cache

from processors.masking.masks import FULL
from schemas.vocabulary import Facts, Intent, MaskingPlan, Output, SensitiveColumn

UNPROVEN = "?"
"""In a plan's `sources`: lineage does not say where the output comes from."""

_READS = frozenset((Intent.READ, Intent.PROBE, Intent.EXPORT, Intent.SESSION, Intent.UNKNOWN))


def make_plan(facts: Facts, columns: tuple[SensitiveColumn, ...], detectors: tuple[str, ...]) -> MaskingPlan:
    """How the answer to a command with these facts is masked.

    `columns`, `detectors`: what is sensitive on the resource. By position, an output proven to come from no
    sensitive column is "", one proven to be the very value of a column has that column's own mask, and any
    other the mask that is right for computed values: of `substring(card, 1, 6)` the card's own would show too
    much. Where the target itself says which column a result column is, the ingress goes by that.
    """
    if not columns:
        return MaskingPlan(detectors=detectors)
    outputs = facts.outputs if facts.outputs_known else ()
    sources = tuple(_source(output, columns) for output in outputs)
    writes = not _READS.issuperset(facts.intents)
    return MaskingPlan(
        columns=columns,
        outputs=tuple(
            _mask(output, found, columns, writes) for output, found in zip(outputs, sources, strict=True)
        ),
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


def _mask(output: Output, found: tuple[str, ...], columns: tuple[SensitiveColumn, ...], writes: bool) -> str:
    """The mask of an output that comes from these sensitive columns."""
    if not found:
        return ""
    entry = sensitive_column(found[0], columns)
    is_very_column = output.bare and output.proven and len(found) == 1 and not writes
    return entry.mask if is_very_column and entry is not None else FULL


@lru_cache(maxsize=4096)
def _pattern(pattern: str) -> re.Pattern[str]:
    # A wildcard also spans dots: a name with a dot in it must not slip out of "*.*.ssn".
    return re.compile(re.escape(pattern).replace(r"\*", ".*"), re.DOTALL)
