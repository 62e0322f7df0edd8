"""Recorded traffic: written and read again; what is no recording is refused with its line."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.errors import Problem
from edge_agent.protocols.capture import FIRST, Capture, Chunk, header, read_capture, written

TEXT = f"""{FIRST}
# port = serial:///dev/ttyUSB0
# baud = 9600

# two cards
    0.000000 < 02 30 03   # first
1 > 0247 47 03
"""


def test_a_recording_is_read() -> None:
    capture = read_capture(TEXT, "x")
    assert capture.settings == {"port": "serial:///dev/ttyUSB0", "baud": "9600"}
    assert capture.chunks == (
        Chunk(0.0, bytes.fromhex("02 30 03"), False, "first"),
        Chunk(1.0, bytes.fromhex("02 47 47 03"), True),
    )


@given(
    st.lists(
        st.tuples(
            st.integers(0, 10**9), st.binary(min_size=1, max_size=50), st.booleans(), st.from_regex(r"(\w+( \w+)*)?")
        )
    )
)
def test_what_was_written_is_read_again(pieces: list[tuple[int, bytes, bool, str]]) -> None:
    chunks = tuple(Chunk(us / 1e6, data, out, " ".join(comment.split())) for us, data, out, comment in sorted(pieces))
    text = header({"baud": "9600"}) + "".join(map(written, chunks))
    assert read_capture(text, "x") == Capture({"baud": "9600"}, chunks)


@pytest.mark.parametrize(
    ("text", "line", "why"),
    [
        ("", 1, "first line"),
        ("0.1 < 02\n", 1, "first line"),
        (f"{FIRST}\n0.1 < 02\n0.2 02\n", 3, "seconds"),
        (f"{FIRST}\n0.1 < 0\n", 2, "hexadecimal"),
        (f"{FIRST}\n0.1 < 02 zz\n", 2, "hexadecimal"),
        (f"{FIRST}\n-1 < 02\n", 2, "seconds"),
        (f"{FIRST}\n0.2 < 02\n0.1 < 02\n", 3, "goes back"),
    ],
)
def test_what_is_none_is_refused_with_its_line(text: str, line: int, why: str) -> None:
    with pytest.raises(Problem, match=why) as caught:
        read_capture(text, "x.txt")
    assert caught.value.line == line
    assert caught.value.text("zh").startswith(f"x.txt:{line}: ")
