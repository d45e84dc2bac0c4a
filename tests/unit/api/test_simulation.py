from dataclasses import replace

from support.commands import DELETE, NOW, READ, bundle, requested, rule

from api.simulation import Judged, compare
from schemas.vocabulary import Stage, Verdict

READS = rule("reads", "allow", {"intents": ["read"]})
WRITES = rule("writes", "review", {"intents": ["write", "bulk_write"]})
COMMANDS = [requested(READ), requested(DELETE), requested(DELETE)]


def test_the_same_rules_change_nothing() -> None:
    found = compare(COMMANDS, bundle(READS, WRITES), bundle(WRITES, READS))
    assert (found.looked_at, found.since, found.changes) == (3, NOW, ())


def test_another_verdict_is_counted_and_another_rule_is_none() -> None:
    frozen = rule("frozen", "deny", {"intents": ["write", "bulk_write"]})
    found = compare(COMMANDS, bundle(READS, WRITES), bundle(READS | {"name": "looks"}, frozen))
    assert found.counts == [(Verdict.REVIEW, Verdict.DENY, 2)]
    assert len(found.changes) == 3
    assert len(found.other_verdicts) == 2
    assert found.changes[0].before == Judged(Verdict.ALLOW, "reads")
    assert found.changes[0].after == Judged(Verdict.ALLOW, "looks")


def test_preparations_are_left_out_and_unknown_resources_denied() -> None:
    prepared = replace(COMMANDS[1], stage=Stage.PREPARE)
    elsewhere = replace(COMMANDS[0], envelope=replace(COMMANDS[0].envelope, resource="gone"))
    found = compare([prepared, elsewhere], bundle(READS), bundle())
    assert (found.looked_at, found.changes) == (1, ())
