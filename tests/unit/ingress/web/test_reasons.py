from ingress.web.reasons import LONGEST, reason_and_ticket
from ingress.web.strict import parse_head


def said(fields: str) -> tuple[str, str]:
    return reason_and_ticket(parse_head(f"GET / HTTP/1.1\r\nHost: x\r\n{fields}\r\n\r\n".encode()))


def test_both_are_header_fields() -> None:
    assert said("X-Countersign-Reason: count  what is open\r\nX-Countersign-Ticket: OPS-12") == (
        "count what is open",
        "OPS-12",
    )
    assert said("X-Countersign-Reason: Zoë asked") == ("Zoë asked", "")
    assert said("Accept: a/b") == ("", "")


def test_no_more_than_enough_is_kept() -> None:
    assert len(said("X-Countersign-Reason: " + "x" * 5000)[0]) == LONGEST
