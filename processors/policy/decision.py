"""The decision on one command, whether or not it asks for an unmasked answer, or makes others last.

To see masked values is a permission of its own: the command must be allowed without it, and then a review
rule with `when.unmask` must let it be asked for. So no comment in a command makes more of it permitted, and
nobody but that rule's reviewers gives it (docs/decisions/0018-unmasked-answers.md).
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from processors.masking.plan import sensitive_column
from processors.policy.command import Command
from processors.policy.commit import decide_commit
from processors.policy.rules import CompiledRule, Decision, evaluate
from schemas.vocabulary import Intent, Verdict

_READS = frozenset((Intent.READ, Intent.PROBE, Intent.SESSION))
_SEPARATELY = (
    "Nothing was executed. Run it without asking for unmasked values, or ask in a command that only reads."
)
_NO_RULE_HINT = (
    "Nothing was executed. Without `unmask:` its comment runs it with masked values. Ask whoever keeps the "
    "gateway's rules for one with `when: {unmask: […]}`."
)
_NOT_SHOWN_HINT = (
    "Nothing was executed. Name columns as `schema.table.column`, each as the answer has it: masked, by "
    "itself, and not computed."
)


def decide(command: Command, rules: Sequence[CompiledRule], now: datetime) -> Decision:
    """The decision on `command` at `now`. Where it asks for an unmasked answer: review, or deny."""
    if command.transaction is not None:
        return decide_commit(command, command.transaction, rules, now)
    if not command.unmask:
        return evaluate(command, rules, now)
    plain = evaluate(replace(command, unmask=()), rules, now)
    facts = command.facts
    if plain.verdict is Verdict.DENY and plain.rule:
        return plain
    if not _READS.issuperset(facts.intents):
        why = f" ({'; '.join(facts.unproven)})" if facts.unproven else ""
        message = f"an unmasked answer is given only to what is proven to do nothing but read{why}"
        return Decision(Verdict.DENY, "", message, _SEPARATELY, failed=plain.failed)
    if plain.verdict is Verdict.DENY:
        return plain
    if plain.verdict is Verdict.REVIEW:
        message = "a command that is reviewed for what it does is not given an unmasked answer as well"
        return Decision(Verdict.DENY, plain.rule, message, _SEPARATELY, failed=plain.failed)
    if absent := [column for column in command.unmask if column not in _shown(command)]:
        message = f"the answer has no such masked column: {', '.join(absent)}"
        return Decision(Verdict.DENY, "", message, _NOT_SHOWN_HINT, failed=plain.failed)
    asked = evaluate(command, rules, now)
    if asked.verdict is Verdict.ALLOW:
        message = f"no rule lets you ask for unmasked values of {', '.join(command.unmask)}"
        return Decision(Verdict.DENY, "", message, _NO_RULE_HINT, failed=asked.failed)
    return asked


def _shown(command: Command) -> frozenset[str]:
    """The sensitive columns that the answer is proven to have as they are."""
    facts = command.facts
    return frozenset(
        output.sources[0]
        for output in (facts.outputs if facts.outputs_known else ())
        if output.bare
        and output.proven
        and len(output.sources) == 1
        and sensitive_column(output.sources[0], command.resource.columns)
    )
