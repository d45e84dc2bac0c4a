import pytest
from ruamel.yaml import YAML
from support.catalogues import sample_catalogue
from support.facts import CONTEXT, CORPUS, SENSITIVE

from ingress.postgres.facts import analyse
from schemas.vocabulary import Facts, Intent

CATALOGUE = sample_catalogue()
DOCUMENT = YAML(typ="safe").load(CORPUS / "probes.yaml")


def facts_of(sql: str) -> Facts:
    (statement,) = analyse(sql, CATALOGUE, CONTEXT, SENSITIVE)
    return statement.facts


def probes() -> list[tuple[str, str]]:
    return [(text, columns) for columns, texts in DOCUMENT["probes"].items() for text in texts]


@pytest.mark.parametrize(("sql", "columns"), probes())
def test_what_tells_of_a_sensitive_column_is_a_probe_of_it(sql: str, columns: str) -> None:
    facts = facts_of(sql)
    assert Intent.PROBE in facts.intents
    assert " ".join(name.removeprefix("public.") for name in facts.probed) == columns


@pytest.mark.parametrize("sql", DOCUMENT["harmless"])
def test_what_shows_a_masked_column_and_no_more_is_none(sql: str) -> None:
    facts = facts_of(sql)
    assert (Intent.PROBE in facts.intents, facts.probed) == (False, ())


def test_the_corpus_only_grows() -> None:
    assert len(probes()) >= 110
    assert len(DOCUMENT["harmless"]) >= 48


@pytest.mark.parametrize(("sql", "columns"), probes())
def test_without_sensitive_columns_there_is_no_probe(sql: str, columns: str) -> None:
    (statement,) = analyse(sql, CATALOGUE, CONTEXT, ())
    assert Intent.PROBE not in statement.facts.intents
