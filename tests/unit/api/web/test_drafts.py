import pytest

from api.web.drafts import check_draft

_RULE = "{name: a, when: {intents: [read]}, verdict: allow}"


def test_a_good_draft_is_shown() -> None:
    problems, rules = check_draft(f"policies: [{_RULE}]")
    assert problems == []
    assert [rule.name for rule in rules] == ["a"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "policies:\n- {name: a, when: {intent: [read]}, verdict: allow}",
            "draft:2: policies[0].when.intent",
        ),
        ('policies: [{name: a, when: {expression: "1 +"}, verdict: allow}]', "expression"),
        ("policies: [", "not valid YAML"),
        ("- a", "expected a mapping"),
        ("", "expected a mapping"),
        (f"policies: [{_RULE}]\ngateway: {{state: /etc}}", "nothing else"),
        ("a: &a [x, x]\nb: [*a, *a]", "anchors and aliases"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(text: str, said: str) -> None:
    problems, rules = check_draft(text)
    assert rules == ()
    assert said in "\n".join(problems)
