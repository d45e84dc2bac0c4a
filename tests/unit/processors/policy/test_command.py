from support.commands import NOW, ORDERS, requested
from support.reviews import requested as review_requested

from processors.policy.command import command_of
from schemas.vocabulary import Facts, Intent


def test_both_events_speak_of_the_same_command() -> None:
    request = requested(text="delete from orders")
    review = review_requested(NOW, text="delete from orders", facts=request.facts)
    seen, seen_again = command_of(request, ORDERS), command_of(review, ORDERS)
    assert (seen.text, seen.facts, seen.context, seen.principal) == (
        seen_again.text,
        seen_again.facts,
        seen_again.context,
        seen_again.principal,
    )
    assert seen.context == {"role": "app", "search_path": "public"}


def test_a_command_without_any_intent_is_unknown() -> None:
    seen = command_of(requested(Facts(intents=())), ORDERS)
    assert seen.facts.intents == (Intent.UNKNOWN,)
