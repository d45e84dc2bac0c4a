import base64
from datetime import UTC, datetime

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from api.notifications.signature import parse_secret, signed_headers

SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()


def test_a_receiver_with_the_specifications_own_library_believes_it() -> None:
    body = '{"type": "approval.requested", "ö": 1}'
    headers = signed_headers(parse_secret(SECRET), "msg_1", body, datetime.now(UTC))
    assert Webhook(SECRET).verify(body, headers) == {"type": "approval.requested", "ö": 1}
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(body + " ", headers)


@pytest.mark.parametrize(
    "secret", ["", "c2VjcmV0", "whsec_c2hvcnQ=", "whsec_not base64!", "whsec_" + "A" * 100]
)
def test_what_is_no_secret_is_refused_without_repeating_it(secret: str) -> None:
    with pytest.raises(ValueError, match="expected") as refused:
        parse_secret(secret)
    assert not secret or secret not in str(refused.value)
