"""vision/timeline.py: the time of a frame, whatever the network and the camera's clock did to it."""

import random
from itertools import pairwise

import pytest

from edge_agent.vision.timeline import Jump, Recorded, Timeline

GAP_MS = 66


def times(frames: list[tuple[float | None, int]]) -> list[int]:
    line = Timeline()
    return [line.at(stream_s, arrived_ms) for stream_s, arrived_ms in frames]


def gaps(found: list[int]) -> list[int]:
    return [later - earlier for earlier, later in pairwise(found)]


def test_frames_that_arrive_in_bursts_keep_their_distance() -> None:
    """A network that delays by up to 300 ms and delivers together: the fall is measured as it was."""
    chance = random.Random(7)
    arrived, frames = 0, []
    for n in range(200):
        arrived = max(arrived, 10_000 + n * GAP_MS + chance.choice((0, 5, 30, 100, 300)))
        frames.append((n * GAP_MS / 1000, arrived))
    found = times(frames)
    assert all(abs(gap - GAP_MS) <= 1 for gap in gaps(found[40:]))
    assert all(at <= arrived for at, (_, arrived) in zip(found, frames, strict=True))


def test_a_stall_of_the_network_moves_nothing() -> None:
    frames = [(n * GAP_MS / 1000, 10_000 + n * GAP_MS + (3_000 if 50 <= n < 90 else 0)) for n in range(150)]
    frames = [
        (at, max(arrived, 10_000 + 90 * GAP_MS) if n >= 90 else arrived) for n, (at, arrived) in enumerate(frames)
    ]
    assert all(abs(gap - GAP_MS) <= 1 for gap in gaps(times(frames)))


def test_variable_frame_rates_are_taken_as_they_are() -> None:
    stream = [0.0, 0.04, 0.24, 0.28, 1.0, 1.04]
    assert gaps(times([(at, 5_000 + round(at * 1000)) for at in stream])) == [40, 200, 40, 720, 40]


def test_timestamps_that_jump_repeat_or_run_backwards_are_not_believed() -> None:
    frames = [
        (0.0, 1_000),
        (0.066, 1_066),
        (9_000.0, 1_132),
        (9_000.066, 1_198),
        (5.0, 1_264),
        (5.0, 1_330),
        (None, 1_396),
    ]
    assert times(frames) == [1_000, 1_066, 1_132, 1_198, 1_264, 1_330, 1_396]


def test_time_always_increases() -> None:
    chance = random.Random(11)
    arrived, frames = 0, []
    for _ in range(2_000):
        arrived += chance.choice((0, 0, 66, 5_000))
        frames.append((chance.choice((None, chance.uniform(-5, 5), chance.uniform(0, 1e7))), arrived))
    assert all(gap >= 1 for gap in gaps(times(frames)))


def test_a_camera_whose_clock_runs_fast_does_not_run_away() -> None:
    """One percent fast for an hour: never later than the arrival."""
    frames = [(n * 1.01, 1_000 + n * 1_000) for n in range(3_600)]
    assert all(at <= arrived for at, (_, arrived) in zip(times(frames), frames, strict=True))


def test_a_camera_whose_clock_runs_slow_is_caught_up_with() -> None:
    frames = [(n * 0.98, 1_000 + n * 1_000) for n in range(3_600)]
    assert all(arrived - at <= 10_000 for at, (_, arrived) in zip(times(frames), frames, strict=True))


def recorded(stamps: list[float | None], fps: float = 15.0) -> tuple[list[float], Recorded]:
    recording = Recorded(fps)
    return [round(recording.at(stamp), 3) for stamp in stamps], recording


@pytest.mark.parametrize("to_s", [0.0, 0.3, 300.0, 3600.0])
def test_of_a_recordings_jump_one_usual_step_is_left_and_where_it_was_is_known(to_s: float) -> None:
    """Files one behind the other, or a camera whose clock was set: back, or forward by more than three minutes."""
    stamps = [5.0 + n * 0.1 for n in range(10)] + [5.0 + to_s + n * 0.1 for n in range(10)]
    found, recording = recorded([*stamps])
    assert found == [round(n * 0.1, 3) for n in range(20)]
    assert recording.jumps == 1
    assert recording.jump is not None
    assert recording.jump == pytest.approx(Jump(1.0, 0.9, to_s))


@pytest.mark.parametrize(
    "stamps",
    [
        [n * 60.0 for n in range(5)],
        [0.0, 4.0, 8.0, 20.0],
        [0.0, 0.1, 0.2, 10.0, 10.1, 60.0],  # the network was away: the time passed
        [0.0, 0.05, 0.4, 1.2, 3.1, 3.15],
        [0.0, 0.0, 0.133, 0.133, 0.267, 0.267],
        [0.067, 0.333, 0.2, 0.267, 0.6, 0.467, 0.533],  # as an AVI with B-frames has them
    ],
)
def test_what_is_slow_uneven_or_out_of_order_has_no_jumps(stamps: list[float]) -> None:
    found, recording = recorded([*stamps])
    assert found == [round(stamp - stamps[0], 3) for stamp in stamps]
    assert recording.jumps == 0


def test_a_first_timestamp_from_long_after_is_one_jump() -> None:
    found, recording = recorded([10.0, 0.0, 0.1, 0.2])
    assert found == [0.0, 0.067, 0.167, 0.267]
    assert recording.jumps == 1


def test_one_wrong_timestamp_is_two_jumps() -> None:
    found, recording = recorded([0.0, 0.1, 0.2, 3600.3, 0.4, 0.5])
    assert found == [0.0, 0.1, 0.2, 0.3, 0.4, 0.5]
    assert recording.jumps == 2


def test_a_recording_that_goes_on_with_a_frame_in_four_minutes_jumps_once() -> None:
    found, recording = recorded([0.0, 0.1, 0.2, 240.2, 480.2, 720.2])
    assert found == [0.0, 0.1, 0.2, 0.3, 240.3, 480.3]
    assert recording.jumps == 1


def test_a_recording_without_timestamps_has_the_cameras_rate() -> None:
    assert recorded([None] * 4, fps=10.0)[0] == [0.0, 0.1, 0.2, 0.3]
