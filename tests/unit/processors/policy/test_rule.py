import msgspec
import pytest
from support.commands import rule

from processors.policy.rule import Rule
from schemas.vocabulary import Intent, Verdict


def test_a_rule_is_read_from_the_documents_words() -> None:
    read = msgspec.convert(rule("r", "review", {"intents": ["write"], "labels": {"env": "prod"}}), Rule)
    assert (read.verdict, read.when.intents, read.when.tables) == (Verdict.REVIEW, (Intent.WRITE,), None)
    assert read.review is not None
    assert read.review.valid_for == 300


def test_a_word_there_is_not_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(rule("r", "perhaps", {}), Rule)
