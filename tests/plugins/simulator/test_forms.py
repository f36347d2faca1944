from __future__ import annotations

from typing import Any

import httpx
from hypothesis import given
from hypothesis import strategies as st

from reelwork_plugins.simulator.forms import parse_form

names = st.text("abcdefghijklmnopqrstuvwxyz_[]", min_size=1, max_size=10)
files = st.tuples(
    st.text("abc-. é", min_size=1), st.binary(max_size=300), st.sampled_from(["image/png", "video/mp4"])
)


@given(st.dictionaries(names, st.text(max_size=60)), st.dictionaries(names, files, min_size=1, max_size=3))
def test_what_an_independent_client_writes_is_read_back(fields: dict[str, str], uploads: dict[str, Any]) -> None:
    request = httpx.Request("POST", "http://x/", data=fields, files=uploads)
    form = parse_form(request.read(), request.headers["content-type"])
    assert form.problem == ""
    assert form.fields == fields
    assert {name: (one.name, one.content, one.content_type) for name, one in form.files.items()} == uploads


@given(
    st.binary(max_size=200), st.sampled_from(["multipart/form-data; boundary=x", "application/json", "text/x", ""])
)
def test_no_body_breaks_the_reader(body: bytes, kind: str) -> None:
    form = parse_form(body, kind)
    assert form.problem or form.kind in ("none", "json", "multipart")


def test_bytes_that_look_like_a_delimiter_stay_in_the_file() -> None:
    content = b"--b\r\n\r\n--b--\r\n--c"
    body = (
        b'--bound\r\nContent-Disposition: form-data; name="f"; filename="a.bin"\r\nContent-Type: image/png\r\n\r\n'
        + content
        + b"\r\n--bound--\r\n"
    )
    form = parse_form(body, "multipart/form-data; boundary=bound")
    assert form.files["f"].content == content
