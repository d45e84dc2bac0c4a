"""Errors as RFC 9457 problem details."""

import json
from http import HTTPStatus

from fastapi.exceptions import RequestValidationError

from api.problems import Problem, document, malformed, plain, response, unavailable


def test_a_problem_has_the_members_of_the_standard_and_what_to_do() -> None:
    problem = Problem(
        HTTPStatus.CONFLICT,
        "already-settled",
        "It is approved.",
        "Nothing is left to decide.",
        extra={"state": "approved"},
    )

    assert document(problem) == {
        "type": "urn:countersign:problem:already-settled",
        "title": "Already settled",
        "status": 409,
        "detail": "It is approved.",
        "action": "Nothing is left to decide.",
        "state": "approved",
    }


def test_a_response_says_its_media_type_and_headers() -> None:
    answer = response(unavailable("Kafka does not answer."))

    assert answer.status_code == 503
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["retry-after"] == "3"
    assert "Nothing was decided" in json.loads(bytes(answer.body))["action"]


def test_a_malformed_request_names_the_place_and_repeats_no_value() -> None:
    error = RequestValidationError(
        [{"loc": ("body", "comment"), "msg": "Value error, expected text", "input": "4111111111111111"}]
    )

    problem = malformed(error)

    assert problem.detail == "body.comment: expected text."
    assert "4111" not in json.dumps(document(problem))


def test_the_frameworks_errors_have_the_same_form() -> None:
    assert document(plain(404, "Not Found"))["type"] == "urn:countersign:problem:not-found"
