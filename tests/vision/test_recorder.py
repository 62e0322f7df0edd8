"""vision/recorder.py: a daemon that takes nothing for a while, because its disk stalls, costs no picture of a clip."""

import threading
from pathlib import Path

from edge_agent.model.recording import ClipDone, Keep, Piece, RecorderJob
from edge_agent.vision import clock
from edge_agent.vision.recorder import Recorder
from tests.vision.clips import make_clip
from tests.waiting import until

RATE = 10


class Stalled:
    """A pipe whose other end reads nothing until it may."""

    def __init__(self) -> None:
        self.may, self.said = threading.Event(), list[Piece | ClipDone]()

    def send(self, said: Piece | ClipDone) -> None:
        self.may.wait(60)
        self.said.append(said)


def recording(source: Path) -> tuple[Recorder, Stalled, int]:
    """A recorder that has its first packet, nobody who takes anything of it yet, and when that was (uptime, ms)."""
    pipe = Stalled()
    recorder = Recorder(RecorderJob("c", f"file://{source}", RATE, 10.0), pipe)  # type: ignore[arg-type]
    threading.Thread(target=recorder.run, daemon=True).start()
    until(recorder.look, 20, "the stream")
    return recorder, pipe, clock.up_ms()


def test_a_daemon_that_stalls_costs_no_picture(tmp_path: Path) -> None:
    recorder, pipe, began_ms = recording(make_clip(tmp_path / "a.mp4", 4.0, b_frames=0, size=(960, 720)))
    recorder.keep(Keep("ev-1", began_ms, began_ms + 2_500))
    until(lambda: recorder.look() and clock.up_ms() > began_ms + 3_000, 20, "packets while nothing is taken")
    assert not pipe.said
    pipe.may.set()
    until(lambda: pipe.said and isinstance(pipe.said[-1], ClipDone), 20, "the clip's end")
    *pieces, done = pipe.said
    assert isinstance(done, ClipDone)
    assert done.why == ""
    assert done.stream is not None
    assert (done.stream.holes_ms, done.stream.packets >= 2.5 * RATE) == (0, True)
    assert done.stream.to_ms >= began_ms + 2_500 - 2_000 / RATE
    assert len(pieces) > 2, "some were due while pictures came"
    assert all(isinstance(piece, Piece) and piece.evidence == "ev-1" for piece in pieces)


def test_who_wants_more_of_a_clip_that_has_ended_gets_no_second_one(tmp_path: Path) -> None:
    """While the daemon stalls it does not know yet; the end says what was ordered then."""
    recorder, pipe, began_ms = recording(make_clip(tmp_path / "a.mp4", 4.0, b_frames=0))
    recorder.keep(Keep("ev-1", began_ms, began_ms + 500))
    until(lambda: recorder.look() and clock.up_ms() > began_ms + 1_500, 20, "its end")
    recorder.keep(Keep("ev-1", began_ms, began_ms + 3_000))
    recorder.keep(Keep("ev-2", began_ms, began_ms + 2_500))
    pipe.may.set()
    until(lambda: pipe.said and getattr(pipe.said[-1], "stream", None) and pipe.said[-1].evidence == "ev-2", 20)
    ends = [(one.evidence, one.to_ms) for one in pipe.said if isinstance(one, ClipDone)]
    assert ends == [("ev-1", began_ms + 500), ("ev-2", began_ms + 2_500)]
