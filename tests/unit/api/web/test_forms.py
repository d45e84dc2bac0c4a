"""Forms: none from another site, none of another session; after the sign-in, nowhere else."""

import pytest
from starlette.requests import Request
from support.reviews import DANA, NOW

from api.auth import WebSession
from api.problems import Problem
from api.web.forms import from_own_page, local_path, of_session
from infra.identity import Method, SignedIn

SESSION = WebSession(SignedIn(DANA, Method.TOKEN, NOW), "f" * 64)


def posted(**headers: str) -> Request:
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "method": "POST", "path": "/", "headers": [(b"host", b"gw:8080"), *raw]})


@pytest.mark.parametrize(
    "request_",
    [
        posted(),
        posted(origin="http://gw:8080"),
        posted(sec_fetch_site="same-origin"),
        posted(sec_fetch_site="none"),
        posted(origin="https://gw", sec_fetch_site="same-origin"),  # behind a proxy with another name
    ],
)
def test_our_own_pages_may_post(request_: Request) -> None:
    from_own_page(request_)


@pytest.mark.parametrize(
    "request_",
    [
        posted(origin="https://evil.example"),
        posted(origin="null"),
        posted(origin="http://gw:9090"),
        posted(sec_fetch_site="cross-site"),
        posted(sec_fetch_site="same-site"),
        posted(origin="http://gw:8080", sec_fetch_site="cross-site"),
    ],
)
def test_other_sites_may_not(request_: Request) -> None:
    with pytest.raises(Problem) as caught:
        from_own_page(request_)
    assert caught.value.status == 403


def test_a_form_belongs_to_its_session() -> None:
    of_session(posted(), SESSION, "f" * 64)
    for other in ("", "e" * 64, "ü"):
        with pytest.raises(Problem):
            of_session(posted(), SESSION, other)


@pytest.mark.parametrize("path", ["/", "/approvals/3f9a01bc", "/sessions?x=1"])
def test_after_the_sign_in_back_to_a_page_of_ours(path: str) -> None:
    assert local_path(path) == path


@pytest.mark.parametrize(
    "path", ["", "https://evil.example", "//evil.example", "/\\evil.example", "javascript:x", "/a\nb"]
)
def test_and_nowhere_else(path: str) -> None:
    assert local_path(path) == "/"
