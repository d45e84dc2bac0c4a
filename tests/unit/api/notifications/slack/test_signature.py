from datetime import UTC, datetime, timedelta

import pytest

from api.notifications.slack.signature import is_signed

# The example of Slack's "Verifying requests from Slack".
SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
NOW = datetime.fromtimestamp(1531420618, UTC)
BODY = (
    b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V"
    b"&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text="
    b"&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN"
    b"&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
)
HEADERS = {
    "x-slack-request-timestamp": "1531420618",
    "x-slack-signature": "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
}


def test_slacks_own_example_is_believed() -> None:
    assert is_signed(SECRET, HEADERS, BODY, NOW)


@pytest.mark.parametrize("minutes", [-6, 6])
def test_what_is_old_or_of_the_future_is_not(minutes: int) -> None:
    assert not is_signed(SECRET, HEADERS, BODY, NOW + timedelta(minutes=minutes))


@pytest.mark.parametrize(
    "changed",
    [
        {"x-slack-signature": "v0=" + "0" * 64},
        {"x-slack-signature": ""},
        {"x-slack-signature": "ö"},
        {"x-slack-request-timestamp": "1531420619"},
        {"x-slack-request-timestamp": "-1531420618"},
        {"x-slack-request-timestamp": "١٥٣١٤٢٠٦١٨"},
        {"x-slack-request-timestamp": ""},
    ],
)
def test_nothing_else_is(changed: dict[str, str]) -> None:
    assert not is_signed(SECRET, HEADERS | changed, BODY, NOW)


def test_another_body_or_secret_is_not() -> None:
    assert not is_signed(SECRET, HEADERS, BODY + b"&", NOW)
    assert not is_signed("another", HEADERS, BODY, NOW)
    assert not is_signed(SECRET, {}, BODY, NOW)
