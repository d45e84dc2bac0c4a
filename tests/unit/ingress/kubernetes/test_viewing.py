"""What of a cluster's answers may leave."""

import json
from typing import Any

import pytest

from ingress.kubernetes.requested import read_request
from ingress.kubernetes.viewing import AnswerViewing
from ingress.web.answers.counting import Uninspectable
from ingress.web.paths import parse_target
from processors.masking.masks import MASKS
from schemas.vocabulary import MaskingPlan, SensitiveColumn

PLAN = MaskingPlan(
    columns=(
        SensitiveColumn("secrets:$.data.*", "full"),
        SensitiveColumn("secrets:$.stringData.*", "full"),
        SensitiveColumn("configmaps:$.data.contact", "email"),
    ),
    detectors=("card_number",),
)
SECRET = {
    "kind": "Secret",
    "metadata": {"name": "db"},
    "data": {"password": "aHVzaA==", "tls.crt": "aHVzaA=="},
}
HIDDEN = "W21hc2tlZF0="


def shown(target: str, answer: Any, media: bytes = b"application/json") -> str:
    viewing = AnswerViewing(read_request("GET", parse_target(target)), PLAN, MASKS, ())
    raw = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
    whole = viewing.filter(media)
    in_one = (whole.feed(raw) + whole.finish()).decode()
    cut = viewing.filter(media)
    in_pieces = b"".join(cut.feed(raw[n : n + 1]) for n in range(len(raw))) + cut.finish()
    assert in_pieces.decode() == in_one
    return in_one


SECRETS = "/api/v1/namespaces/dev/secrets"


@pytest.mark.parametrize(
    ("target", "answer"),
    [
        (f"{SECRETS}/db", SECRET),
        (SECRETS, {"kind": "SecretList", "items": [SECRET, SECRET]}),
        (f"{SECRETS}?watch=1", {"type": "ADDED", "object": SECRET}),
        (SECRETS, {"kind": "Table", "rows": [{"cells": ["db", 2], "object": SECRET}]}),
        (f"{SECRETS}?watch=1", {"type": "ADDED", "object": {"kind": "Table", "rows": [{"object": SECRET}]}}),
        (f"{SECRETS}/db", {"metadata": {"annotations": {"a/last-applied": json.dumps(SECRET)}}}),
        (f"{SECRETS}/db", {"metadata": {"annotations": {"a/packed": "aHVzaA==" * 50}}}),
    ],
)
def test_secrets_wherever_they_stand(target: str, answer: Any) -> None:
    found = shown(target, answer)
    assert "aHVzaA" not in found
    assert json.loads(found)


def test_a_masked_value_of_a_secret_is_base64_still() -> None:
    assert json.loads(shown(f"{SECRETS}/db", SECRET))["data"] == {"password": HIDDEN, "tls.crt": HIDDEN}


def test_other_kinds_are_masked_by_their_own_fields() -> None:
    answer = {"data": {"contact": "jane@example.com", "colour": "blue"}}
    found = json.loads(shown("/api/v1/namespaces/dev/configmaps/settings", answer))
    assert found["data"] == {"contact": "j***@example.com", "colour": "blue"}
    assert json.loads(shown("/api/v1/namespaces/dev/pods/x", answer)) == answer


def test_several_events_of_a_watch() -> None:
    events = b"\n".join(json.dumps({"type": "ADDED", "object": SECRET}).encode() for _ in range(3)) + b"\n"
    assert shown(f"{SECRETS}?watch=1", events).count(HIDDEN) == 6


def test_a_log_is_masked_by_detectors() -> None:
    found = shown("/api/v1/namespaces/dev/pods/web/log", b"paid with 4111111111111111\nnext\n", b"text/plain")
    assert found == "paid with ************1111\nnext\n"


@pytest.mark.parametrize(
    "media", [b"application/vnd.kubernetes.protobuf", b"application/yaml", b"", b"text/html"]
)
def test_what_cannot_be_looked_into_does_not_leave(media: bytes) -> None:
    with pytest.raises(Uninspectable):
        shown(f"{SECRETS}/db", b"x", media)
