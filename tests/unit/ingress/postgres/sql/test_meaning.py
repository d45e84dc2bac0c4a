from dataclasses import replace

from support.catalogues import sample_builder
from support.facts import CONTEXT

from ingress.postgres.catalogue_items import Function, Relation
from ingress.postgres.facts import analyse
from ingress.postgres.sql.meaning import meaning_of

ORDERS = sample_builder().build().find_relation("public", "orders", ())


def meaning(relation: Relation | None) -> str:
    assert relation is not None
    return meaning_of([relation])


def test_it_differs_by_identity_and_by_definition() -> None:
    assert ORDERS is not None
    assert meaning(ORDERS) == meaning(replace(ORDERS))
    assert meaning(ORDERS) != meaning(replace(ORDERS, oid=1))
    assert meaning(ORDERS) != meaning(replace(ORDERS, rules=True))
    assert meaning(ORDERS) != meaning(replace(ORDERS, columns=ORDERS.columns[1:]))
    one = Function("public", "f", False, "v", "sql", version="1")
    assert meaning_of([one]) != meaning_of([replace(one, version="2")])
    assert meaning_of([]) == ""


def test_tables_that_changed_places_are_not_what_they_were() -> None:
    before = sample_builder().table("public.drafts", "id int4").table("public.guarded", "id int4").build()
    after = sample_builder().table("public.guarded", "id int4").table("public.drafts", "id int4").build()
    texts = [analyse("delete from drafts", catalogue, CONTEXT, ())[0] for catalogue in (before, after)]
    assert texts[0].facts == texts[1].facts
    assert texts[0].meaning != texts[1].meaning
