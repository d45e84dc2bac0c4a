"""Where a requester may say why."""

from ingress.ssh.reasons import Why, why


def test_a_comment_says_it_before_variables_do() -> None:
    said = {"COUNTERSIGN_REASON": "from\nthe variable", "COUNTERSIGN_TICKET": "OPS-2"}
    assert why(said) == Why("from the variable", "OPS-2")
    assert why(said, " reason: it hangs, ticket: OPS-1") == Why("it hangs", "OPS-1")
    assert why(said, " ticket: OPS-1") == Why("from the variable", "OPS-1")


def test_other_comments_say_nothing() -> None:
    assert why({}, " just looking") == Why()
