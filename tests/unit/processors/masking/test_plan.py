import pytest

from processors.masking.plan import make_plan, sensitive_column
from schemas.vocabulary import Facts, Intent, MaskingPlan, Output, SensitiveColumn

COLUMNS = (
    SensitiveColumn("*.*.ssn", "null"),
    SensitiveColumn("public.customers.email", "email"),
    SensitiveColumn("public.customers.*", "full"),
    SensitiveColumn("public.payments*.card", "card"),
)


def facts(*outputs: Output, known: bool = True) -> Facts:
    return Facts(intents=(Intent.READ,), outputs=outputs, outputs_known=known)


def test_where_nothing_is_sensitive_only_the_detectors_run() -> None:
    unknown = Output("x", (), proven=False)
    assert make_plan(facts(unknown), (), ("email",)) == MaskingPlan(detectors=("email",))


def test_each_output_is_masked_unless_proven_clean() -> None:
    plan = make_plan(
        facts(
            Output("id", ("public.orders.id",), proven=True),
            Output("email", ("public.customers.email",), proven=True),
            Output("both", ("public.orders.id", "public.people.ssn"), proven=True),
            Output("count", (), proven=True),
            Output("f", (), proven=False),
            Output("g", ("public.orders.id",), proven=False),
        ),
        COLUMNS,
        (),
    )
    assert plan.outputs == ("", "full", "full", "", "full", "full")
    assert plan.unproven == "full"
    assert plan.columns == COLUMNS


def test_the_very_value_of_a_column_has_its_own_mask() -> None:
    email, card = "public.customers.email", "public.payments.card"
    outputs = (
        Output("email", (email,), proven=True, bare=True),
        Output("card", (card, "public.orders.id"), proven=True, bare=True),
        Output("either", (card, email), proven=True, bare=True),
        Output("part", (card,), proven=True),
        Output("x", (card,), proven=False, bare=True),
    )
    assert make_plan(facts(*outputs), COLUMNS, ()).outputs == ("email", "card", "full", "full", "full")
    written = Facts(intents=(Intent.READ, Intent.WRITE), outputs=outputs, outputs_known=True)
    assert make_plan(written, COLUMNS, ()).outputs == ("full",) * 5


def test_what_a_command_wrote_has_a_source_where_it_is_the_very_column() -> None:
    outputs = (
        Output("email", ("public.customers.email",), proven=True, bare=True),
        Output("email", ("public.customers.email",), proven=True),
        Output("email", ("public.customers.email",), proven=False),
        Output("x", (), proven=False),
    )
    email = "public.customers.email"
    assert make_plan(facts(*outputs), COLUMNS, ()).sources == (email, email, email, "?")
    written = Facts(intents=(Intent.READ, Intent.WRITE), outputs=outputs, outputs_known=True)
    assert make_plan(written, COLUMNS, ()).sources == (email, "", "", "?")


def test_outputs_that_are_not_known_are_not_in_the_plan() -> None:
    plan = make_plan(facts(Output("id", ("public.orders.id",), proven=True), known=False), COLUMNS, ())
    assert plan.outputs == ()
    assert plan.unproven == "full"


@pytest.mark.parametrize(
    ("column", "mask"),
    [
        ("public.customers.email", "email"),
        ("public.customers.name", "full"),
        ("public.customers.ssn", "full"),  # one wildcard is closer than two
        ("hr.people.ssn", "null"),
        ("public.payments_2024.card", "card"),
        ("public.orders.id", None),
        ("public.customers2.email", None),
        ("xpublic.customers.email", None),
        ("public.a.b.ssn", "null"),  # a table called "a.b"
        ("public.CUSTOMERS.email", None),
        ("public.a\nb.ssn", "null"),
    ],
)
def test_the_entry_with_the_fewest_wildcards_wins(column: str, mask: str | None) -> None:
    entry = sensitive_column(column, COLUMNS)
    assert (entry.mask if entry else None) == mask
