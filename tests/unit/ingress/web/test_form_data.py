import pytest

from ingress.web.form_data import Part, Unreadable, read_form_data

TYPE = b"multipart/form-data; boundary=b"
NAME = b'Content-Disposition: form-data; name="a"'
FILE = b'Content-Disposition: form-data; name="f"; filename="x.pdf"\r\nContent-Type: application/pdf'


def form(*parts: bytes, end: bytes = b"--b--\r\n") -> bytes:
    return b"".join(b"--b\r\n" + part + b"\r\n" for part in parts) + end


def test_fields_and_files() -> None:
    body = form(NAME + b"\r\n\r\n1", FILE + b"\r\n\r\n%PDF \xff\r\n\n--", NAME + b"\r\n\r\n")
    assert read_form_data(TYPE, body) == (
        Part("a", None, "text/plain", b"1"),
        Part("f", "x.pdf", "application/pdf", b"%PDF \xff\r\n\n--"),
        Part("a", None, "text/plain", b""),
    )


@pytest.mark.parametrize(
    "content_type",
    [
        b'multipart/form-data; boundary="b"',
        b"Multipart/Form-Data;boundary=b",
    ],
)
def test_how_a_boundary_is_named(content_type: bytes) -> None:
    assert read_form_data(content_type, form(NAME + b"\r\n\r\n1"))[0].data == b"1"


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        (b"multipart/form-data", form(NAME + b"\r\n\r\n1")),
        (b"multipart/form-data; boundary=b; boundary=c", form(NAME + b"\r\n\r\n1")),
        (b"multipart/form-data; boundary=b; charset=utf-16", form(NAME + b"\r\n\r\n1")),
        (b'multipart/form-data; boundary="b', form(NAME + b"\r\n\r\n1")),
        (b"multipart/form-data; boundary*=b", form(NAME + b"\r\n\r\n1")),
        (b"multipart/form-data; boundary=b,c", form(NAME + b"\r\n\r\n1")),
        (TYPE, b"before\r\n" + form(NAME + b"\r\n\r\n1")),
        (TYPE, form(NAME + b"\r\n\r\n1") + b"after"),
        (TYPE, form(NAME + b"\r\n\r\n1", end=b"")),
        (TYPE, form(NAME + b"\r\n\r\n1", end=b"--b")),
        (TYPE, form(NAME + b"\r\n\r\n1").replace(b"\r\n", b"\n")),
        (TYPE, form(NAME + b"\n\n1")),
        (TYPE, form(NAME + b"\r\n\r\n1\n--b\n" + NAME + b"\n\n2")),
        (TYPE, form(NAME + b"\r\n\r\n1\r\n--bc\r\n")),
        (TYPE, form(NAME + b"\r\n\r\n1\r\n--b \r\n" + NAME + b"\r\n\r\n2")),
        (TYPE, form(NAME)),
        (TYPE, form(b"\r\n1")),
        (TYPE, form(NAME + b"\r\n" + NAME + b"\r\n\r\n1")),
        (TYPE, form(NAME + b"\r\nX-Odd: 1\r\n\r\n1")),
        (TYPE, form(NAME + b"\r\nContent-Transfer-Encoding: base64\r\n\r\nMQ==")),
        (TYPE, form(NAME + b"\r\nContent-Type: text/plain; charset=utf-7\r\n\r\n1")),
        (TYPE, form(b'Content-Disposition: form-data;\r\n name="a"\r\n\r\n1')),
        (TYPE, form(b"Content-Disposition: form-data; name=a\r\n\r\n1")),
        (TYPE, form(b'Content-Disposition: form-data; name="a"; name="b"\r\n\r\n1')),
        (TYPE, form(b'Content-Disposition: form-data; name="a\\"; filename="b"\r\n\r\n1')),
        (TYPE, form(b"Content-Disposition: form-data; name=\"a\"; filename*=utf-8''b\r\n\r\n1")),
        (TYPE, form(b'Content-Disposition : form-data; name="a"\r\n\r\n1')),
        (TYPE, form(b'Content-Disposition: attachment; name="a"\r\n\r\n1')),
        (TYPE, form(b'Content-Disposition: form-data; name="_charset_"\r\n\r\nutf-7')),
        (TYPE, form(NAME + b"\r\n\r\n\xff")),
        (TYPE, form(*[NAME + b"\r\n\r\n1"] * 1001)),
        (TYPE, b""),
    ],
)
def test_what_targets_read_in_several_ways(content_type: bytes, body: bytes) -> None:
    with pytest.raises(Unreadable):
        read_form_data(content_type, body)
