"""What clients of APIs read, and curl's command line."""

from pathlib import Path

import pytest

from api.cli.web_clients import make_curlrc, value_options, with_urls

# As curl 7.88 says it.
OPTIONS = value_options(
    "Usage: curl [options...] <url>\n"
    " -d, --data <data>          HTTP POST data\n"
    "     --data-raw <data>      HTTP POST data, '@' allowed\n"
    " -o, --output <file>        Write to file instead of stdout\n"
    " -s, --silent               Silent mode\n"
    "     --url <url>            URL to work with\n"
    "     --unix-socket <path>   Connect through this Unix domain socket\n"
    " -:, --next                 Make next URL use its separate set of options\n"
)


@pytest.mark.parametrize(
    ("given", "completed"),
    [
        ("/v1/x", "B/v1/x"),
        ("-s /v1/x /v1/y", "-s B/v1/x B/v1/y"),
        ("-so /tmp/x /v1/x", "-so /tmp/x B/v1/x"),
        ("-s -o/tmp/x /v1/x", "-s -o/tmp/x B/v1/x"),
        ("-d /v1/x --url /v1/y", "-d /v1/x --url B/v1/y"),
        ("--unix-sock /run/x /v1/x", "--unix-sock /run/x B/v1/x"),
        ("--data-raw /a /b -: /c", "--data-raw /a B/b -: B/c"),
        ("https://other/x -- /v1/x", "https://other/x -- B/v1/x"),
        ("-o -s /v1/x", "-o -s B/v1/x"),
        ("-", "-"),
    ],
)
def test_a_path_that_is_a_url_is_completed(given: str, completed: str) -> None:
    assert list(with_urls(given.split(), OPTIONS, "B")) == completed.split()


def test_curls_file_takes_any_text() -> None:
    text = make_curlrc(Path('/tmp/a "b" \\c/netrc'), None, {"X-Why": 'a "b" \\c'})
    assert text.splitlines() == [
        'netrc-file = "/tmp/a \\"b\\" \\\\c/netrc"',
        'header = "X-Why: a \\"b\\" \\\\c"',
    ]
