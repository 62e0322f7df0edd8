"""vision/timeline.py: the time of a frame, whatever the network and the camera's clock did to it."""

import random
from itertools import pairwise

from edge_agent.vision.timeline import Timeline

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
