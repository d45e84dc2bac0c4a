from dataclasses import fields

from processors.masking.apply import redact_bytes, redact_facts, redact_text
from processors.masking.detectors import DETECTORS
from schemas.vocabulary import Facts, Intent

ALL = tuple(DETECTORS)


def test_a_command_keeps_its_form() -> None:
    text = (
        "update customers set card = '4111111111111111', note = '‹sealed›' where email = 'john@example.com'"
    )
    assert redact_text(text, ALL) == (
        "update customers set card = '************1111', note = '‹sealed›' where email = 'j***@example.com'"
    )


def test_only_the_named_detectors_run() -> None:
    assert redact_text("4111111111111111 john@example.com", ("email",)) == "4111111111111111 j***@example.com"
    assert redact_text("4111111111111111 john@example.com", ()) == "4111111111111111 john@example.com"


def test_text_with_a_lone_surrogate_is_taken_as_well() -> None:
    assert redact_text("\udc80 4111111111111111", ALL) == "\udc80 ************1111"


def test_what_holds_nothing_is_given_back() -> None:
    value = b"select 1"
    assert redact_bytes(value, ALL) is value


def test_facts_hold_no_value_in_a_word_that_a_client_chose() -> None:
    words = ("4111111111111111", "web", "x@example.com")
    kept = ("************1111", "web", "x@example.com")
    facts = Facts(
        intents=(Intent.EXEC,),
        statements=("exec",),
        columns=words,
        functions=words,
        programs=words,
        unproven=words,
        methods=words,
        paths=words,
        verbs=words,
        kinds_of_object=words,
        namespaces=words,
        tools=words,
    )
    shown = redact_facts(facts, ("card_number",))
    names = [field.name for field in fields(Facts) if getattr(facts, field.name) == words]
    assert {name: getattr(shown, name) for name in names} == dict.fromkeys(names, kept)
    assert (shown.intents, shown.statements) == (facts.intents, facts.statements)
