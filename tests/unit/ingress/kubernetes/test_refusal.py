"""What a client of a cluster is told."""

import json

from ingress.gate import Allowed, Refusal
from ingress.kubernetes.refusal import Statuses, decided_text, warning
from schemas.vocabulary import Obligations


def test_a_refusal_is_a_status_for_people_and_programs() -> None:
    refusal = Refusal("No.", "Ask.", rule="nobody", approval="a1", comment="why?", missing=())
    said = Statuses().refused("c1", refusal)
    found = json.loads(said.body)
    assert (said.status, found["kind"], found["reason"], found["code"]) == (403, "Status", "Forbidden", 403)
    assert found["message"] == 'countersign: refused by rule "nobody": No. "why?". Ask.'
    causes = {cause["reason"]: cause["message"] for cause in found["details"]["causes"]}
    assert causes == {
        "verdict": "deny",
        "rule": "nobody",
        "approval": "a1",
        "comment": "why?",
        "hint": "Ask.",
        "command": "c1",
    }


def test_what_fails_outside_of_resources_is_text() -> None:
    assert Statuses(plain=True).failed(502, "gone", "it is").body == b"countersign: gone: it is"
    assert json.loads(Statuses(plain=True).failed(403, "no", "it is").body)["code"] == 403


def test_a_warning_is_one_line_of_ascii() -> None:
    allowed = Allowed(Obligations(), "a1", ("dana",), 'said "fine"\r\nX: y é')
    name, value = warning(decided_text(allowed))
    assert name == b"warning"
    assert value.startswith(
        b'299 countersign "countersign: held for review, and approved by dana: said \\"fine\\"'
    )
    assert b"\r" not in value
    assert b"\n" not in value
    assert value.isascii()
