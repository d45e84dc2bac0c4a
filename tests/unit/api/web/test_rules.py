from api.web.rules import Line, rule_view
from infra.config import Policy


def test_a_rule_is_told_in_the_words_of_the_configuration() -> None:
    view = rule_view(
        Policy.model_validate(
            {
                "name": "reads are few",
                "when": {
                    "labels": {"env": "prod"},
                    "intents": ["read"],
                    "hours": {"from": "08:00", "to": "18:00"},
                },
                "verdict": "allow",
                "limits": {"rows": [100, "5000/h"], "time": "300ms"},
                "require": ["reason"],
            }
        )
    )
    assert view.when == (
        Line("labels", ("env: prod",)),
        Line("intents", ("read",)),
        Line("hours", ("start 08:00", "end 18:00")),
    )
    assert view.then == (
        Line("rows", ("100", "5,000 in 1h")),
        Line("time", ("300 ms",)),
        Line("require", ("reason",)),
    )
