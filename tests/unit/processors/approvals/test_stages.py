import pytest
from support.reviews import NOW, requested

from processors.approvals.stages import deciders, everyone, stage_after
from schemas.vocabulary import ReviewStage

DANA, ERIN, SAM, BOTH = (
    ("dana", ("dba",)),
    ("erin", ("dba",)),
    ("sam", ("security",)),
    ("bo", ("dba", "security")),
)
REQUEST = requested(
    then=(ReviewStage(("security",)), ReviewStage(("managers",), 2)),
    escalates_to=("on-call",),
    escalates_at=NOW,
)


@pytest.mark.parametrize(
    ("persons", "stage"),
    [
        ((), 0),
        ((DANA,), 1),
        ((DANA, SAM), 2),
        ((DANA, BOTH), 2),
        ((BOTH,), 1),  # who approved in one stage counts for no other
        ((DANA, SAM, ("m1", ("managers",))), 2),
        ((DANA, SAM, ("m1", ("managers",)), ("M1", ("managers",))), 2),
        ((DANA, SAM, ("m1", ("managers",)), ("m2", ("managers",))), None),
        ((DANA, SAM, ("m1", ("managers",)), ("m2", ("managers",)), ERIN), None),
    ],
)
def test_the_stage_that_waits(persons: tuple[tuple[str, tuple[str, ...]], ...], stage: int | None) -> None:
    assert stage_after(REQUEST, persons) == stage


def test_who_decides_in_each() -> None:
    assert deciders(REQUEST, 0, escalated=False) == ("dba",)
    assert deciders(REQUEST, 1, escalated=False) == ("security",)
    assert deciders(REQUEST, 1, escalated=True) == ("security", "on-call")
    assert deciders(REQUEST, None, escalated=False) == ("dba", "security", "managers")
    assert everyone(REQUEST) == ("dba", "security", "managers", "on-call")
