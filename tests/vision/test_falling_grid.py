"""A wall from clicked lines: right to centimetres whatever lens, roll and clicks; floors with honest probabilities."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_agent.errors import EdgeAgentError
from edge_agent.model.site import Facade, FloorLine
from edge_agent.vision.falling_floors import columns, floors, told
from edge_agent.vision.falling_grid import Grid, fit
from edge_agent.vision.falling_motion import Course
from edge_agent.vision.falling_physics import Seen, Verdict, judge
from edge_agent.vision.falling_tracks import Fixes, Tracks
from tests.vision.facade.camera import Camera, clicked, draw_camera
from tests.vision.facade.objects import way

FLOORS, FLOOR_M, COLUMN_M, COLUMNS = 15, 3.0, 3.3, 6
STEP_S = 1 / 15


def drawn(seed: int) -> tuple[Camera, Facade]:
    rng = np.random.default_rng(seed)
    camera = None
    while camera is None:
        camera = draw_camera(rng, 0.0, FLOORS * FLOOR_M, 1080, 1920)
    return camera, clicked(camera, rng, FLOORS, FLOOR_M, COLUMN_M, COLUMNS, (1, FLOORS + 1))


def wall() -> tuple[Camera, Grid]:
    camera, facade = drawn(3)
    return camera, fit(facade)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_three_pixel_clicks_give_the_height_within_half_a_metre(seed: int) -> None:
    camera, facade = drawn(seed)
    grid = fit(facade)
    rng = np.random.default_rng(seed + 1)
    x, z = rng.uniform(-3, 3, 40), rng.uniform(1, FLOORS * FLOOR_M, 40)
    u, v, _ = camera.pixels(x, z)
    _, measured = grid.metres(u, v)
    assert np.abs(measured - z).max() < 0.6
    assert np.median(np.abs(measured - z)) < 0.2
    back_u, back_v = grid.pixels(*grid.metres(u, v))
    assert np.abs(back_u - u).max() < 0.2
    assert np.abs(back_v - v).max() < 0.2
    assert 0.75 < grid.distance_m / camera.distance_m < 1.3


WIDE = Camera(1280, 720, 13.4, 2.2, 0.948, 996.0, -0.112, 0.113, -0.515, 0.251)  # 2.8 mm, askew, before a tower


def wide(columns: bool) -> Facade:
    made = (clicked(WIDE, np.random.default_rng(seed), 24, 3.0, 3.0, 4, (6, 15)) for seed in range(99))
    return next(facade for facade in made if bool(facade.columns) == columns)


@pytest.mark.parametrize("columns", [True, False])
def test_a_wide_lens_that_hangs_askew_is_undone(columns: bool) -> None:
    """What falls straight goes straight down on the wall, and its heights keep their spacing within a pixel or so."""
    grid = fit(wide(columns))
    z = np.arange(13.0, 38.0)
    for x in (-4.0, 0.0, 4.0):
        u, v, _ = WIDE.pixels(np.full_like(z, x), z)
        across, up = grid.metres(u, v)
        assert np.ptp(across) < 0.8
        assert np.abs(up - z).max() < 0.2
    assert grid.distance_m == pytest.approx(WIDE.distance_m, rel=0.06)
    u, v, _ = WIDE.pixels(np.zeros(1), np.full(1, 20.0))
    assert float(grid.metres(u, v)[0][0]) == pytest.approx(grid.foot_m, abs=0.6)  # the camera stands before x = 0
    assert columns or grid.foot_m == pytest.approx(0.0, abs=1e-6)  # then x is counted from there


@pytest.mark.parametrize("distance_m", [None, 30.0])
def test_a_lens_that_looks_straight_ahead_shows_a_width(distance_m: float | None) -> None:
    """Without perspective nobody can tell its focal length: the distance is the likely one, or the one told."""
    camera = Camera(1280, 720, 30.0, 6.0, 0.0, 1000.0, 0.0, 0.0, 0.0)
    lines = tuple(
        FloorLine(floor=floor, at=tuple(float(n) for x in (-8.0, 8.0) for n in camera.pixels(x, 3.0 * (floor - 1))[:2]))
        for floor in (1, 2, 3, 4)
    )
    facade = Facade(
        name="low", camera="low", size=(1280, 720), floors=5, floor_m=3.0, lines=lines, camera_m=6.0,
        distance_m=distance_m,
    )  # fmt: skip
    grid = fit(facade)
    u, v, _ = camera.pixels(np.array([-4.0, 4.0]), np.array([6.0, 6.0]))
    assert np.ptp(grid.metres(u, v)[0]) == pytest.approx(8.0, rel=0.02)
    assert np.isfinite(grid.pixels(np.linspace(-50, 50, 9), np.full(9, 30.0))).all()


def test_lines_with_a_wrong_floor_number_are_refused() -> None:
    _, facade = drawn(1)
    wrong = (*facade.lines[:2], FloorLine(floor=facade.lines[2].floor + 2, at=facade.lines[2].at), *facade.lines[3:])
    with pytest.raises(EdgeAgentError, match="do not fit one flat wall"):
        fit(Facade(name="a", camera="a", size=facade.size, floors=FLOORS, lines=wrong))


def track(grid: Grid, camera: Camera, x, z, out=0.3) -> Fixes:
    """What the tracker gives for points of the world, frame after frame."""
    u, v, _ = camera.pixels(x, z, out)
    a, b = grid.metres(u, v)
    count = len(u)
    t = np.arange(count) * STEP_S
    return Fixes(1, t, u, v, a, b, np.full(count, 5.0), grid.px_per_m(a, b), np.full(count, 40.0), 0)


def size_px(fixes: Fixes, grid: Grid, size_m: float) -> np.ndarray:
    """Of something so large along the wall, which is foreshortened up there, with two px of blur."""
    return 2.0 + size_m * fixes.scale * np.hypot(1, (fixes.z - grid.facade.camera_m) / grid.distance_m)


def seen(grid: Grid) -> Seen:
    return Seen(*grid.sides(), 0.0, 1080)


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 50), floor=st.integers(6, FLOORS), above=st.floats(0.9, 1.6), late=st.floats(0.1, 0.5),
    noise=st.floats(0.0, 0.4), terminal=st.floats(25, 45),
)  # fmt: skip
def test_what_was_let_go_is_a_fall_from_its_floor(
    seed: int, floor: int, above: float, late: float, noise: float, terminal: float
) -> None:
    camera, facade = drawn(seed)
    grid = fit(facade)
    t = late + np.arange(24) * STEP_S
    z0 = (floor - 1) * FLOOR_M + above
    z = z0 - terminal**2 / 9.81 * np.log(np.cosh(9.81 * t / terminal))
    z = z[z > 0.5]
    fixes = track(grid, camera, np.full(len(z), 0.4), z)
    rng = np.random.default_rng(seed)
    fixes.z += rng.normal(0, noise, len(z)) / fixes.scale
    verdict = judge(fixes, grid, STEP_S, seen(grid))
    assert verdict is not None
    assert verdict.kind == "falling_object"
    ranked = floors(told(fixes, verdict, grid), verdict.noise_m, facade)
    assert abs(ranked[0][0] - floor) <= 1
    assert floor in [number for number, _ in ranked]
    assert sum(share for _, share in ranked) == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize("pull", [0.0, 1.5, 3.0, 40.0])
def test_what_gravity_does_not_pull_is_no_fall(pull: float) -> None:
    camera, grid = wall()
    t = np.arange(22) * STEP_S
    z = 40 - 8.0 * t - pull * t**2 / 2
    verdict = judge(track(grid, camera, np.zeros(22), z), grid, STEP_S, seen(grid))
    assert verdict is None or verdict.kind == "light_object"


@pytest.mark.parametrize(("size_px", "falls"), [(5.0, True), (30.0, False)])
def test_what_is_light_is_seen_to_fall_at_its_last_speed(size_px: float, falls: bool) -> None:
    """Drag leaves little of the pull, and less and less of it; but as large as that it may be a bird that sinks."""
    camera, grid = wall()
    t = 0.8 + np.arange(26) * STEP_S
    z = 40 - 13.0**2 / 9.81 * np.log(np.cosh(9.81 * t / 13.0))
    fixes = track(grid, camera, np.zeros(26), z)
    fixes.size[:] = size_px
    verdict = judge(fixes, grid, STEP_S, seen(grid))
    assert (verdict is not None and verdict.kind == "falling_object") == falls
    assert verdict is None or verdict.kind == "light_object" or verdict.course.terminal < 18


def test_what_is_thrown_along_the_wall_slows_down_sideways() -> None:
    camera, grid = wall()
    t = np.arange(22) * STEP_S
    x, z = -4 + 5 * t - 0.8 * t**2 / 2, 40 - 9.6 * t**2 / 2
    verdict = judge(track(grid, camera, x, z), grid, STEP_S, seen(grid))
    assert verdict is not None
    assert verdict.kind == "falling_object"


@pytest.mark.parametrize(
    ("vanished", "shaken_m", "falls"), [(False, 0.0, False), (True, 0.0, True), (True, 0.12, False)]
)
def test_a_short_fall_counts_when_it_ends_out_of_sight(vanished: bool, shaken_m: float, falls: bool) -> None:
    """0.93 s and 5.9 m, as a bird's dive; a bird would be seen to fly on, and is no textbook."""
    camera, grid = wall()
    t = 0.2 + np.arange(15) * STEP_S
    fixes = track(grid, camera, np.zeros(15), 40 - 9.7 * t**2 / 2)
    fixes.z += np.where(np.arange(15) % 2, shaken_m, -shaken_m)
    verdict = judge(fixes, grid, STEP_S, replace(seen(grid), vanished=vanished))
    assert (verdict is not None) == falls


@pytest.mark.parametrize(("pull", "company", "falls"), [(9.7, 2, True), (7.5, 0, True), (7.5, 1, False)])
def test_what_vanishes_with_something_like_it_about_needs_the_pull_of_a_fall(
    pull: float, company: int, falls: bool
) -> None:
    camera, grid = wall()
    t = 0.1 + np.arange(19) * STEP_S
    fixes = track(grid, camera, np.zeros(19), 40 - pull * t**2 / 2)
    fixes.company = company
    verdict = judge(fixes, grid, STEP_S, replace(seen(grid), vanished=True))
    assert (verdict is not None) == falls


@pytest.mark.parametrize(("company", "falls"), [(0, True), (1, False)])
def test_half_a_second_is_not_enough_with_something_like_it_about(company: int, falls: bool) -> None:
    camera, grid = wall()
    t = 0.3 + np.arange(9) * STEP_S
    fixes = track(grid, camera, np.zeros(9), 40 - 9.81 * t**2 / 2)
    fixes.company = company
    assert (judge(fixes, grid, STEP_S, replace(seen(grid), vanished=True)) is not None) == falls


@pytest.mark.parametrize(
    ("what", "falls"),
    [
        ("ball", True), ("of half a metre", True), ("in the middle", False), ("bird near the camera", False),
        ("spreads", False),
    ],
)  # fmt: skip
def test_a_short_fall_counts_when_it_leaves_the_picture(what: str, falls: bool) -> None:
    """0.87 s and 5.2 m, and out at the side; but not something that large, nor what is held up in the end. The wall is
    foreshortened there by half, what falls before it is not."""
    camera, grid = wall()
    t = 0.2 + np.arange(14) * STEP_S
    z = 40 - 9.7 * t**2 / 2
    if what == "spreads":
        z[-3:] = z[-4] - (z[-5] - z[-4]) * np.array([0.95, 1.8, 2.5])
    fixes = track(grid, camera, 3.0 * (t - t[-1]), z)
    edge = 1080 if what == "in the middle" else float(fixes.u[-1]) + 5
    if what == "bird near the camera":
        fixes.size[:] = 1.8 * fixes.scale
    if what == "of half a metre":
        fixes.size[:] = 1.0 * fixes.scale
    verdict = judge(fixes, grid, STEP_S, replace(seen(grid), width_px=edge))
    assert (verdict is not None) == falls


@pytest.mark.parametrize(
    ("count", "pull", "size_m", "shaken_px", "falls"),
    [
        (15, 9.7, 0.1, 0.0, True), (12, 7.0, 0.1, 0.0, False), (16, 7.0, 0.1, 0.0, False),
        (15, 16.0, 0.35, 0.0, False), (20, 7.5, 0.1, 0.0, True),
        (11, 9.7, 0.2, 0.0, True), (11, 9.7, 0.45, 0.0, False), (14, 9.7, 0.45, 0.0, True),
        (10, 9.7, 0.1, 0.65, False), (14, 9.7, 0.1, 0.65, True),
    ],
)  # fmt: skip
def test_what_leaves_the_picture_soon_has_to_prove_more_the_more_it_may_be_a_bird(
    count: int, pull: float, size_m: float, shaken_px: float, falls: bool
) -> None:
    """A bird before the wall seems larger, is pulled otherwise, and does not keep to its line."""
    camera, grid = wall()
    t = 0.2 + np.arange(count) * STEP_S
    fixes = track(grid, camera, 3.0 * (t - t[-1]), 40 - pull * t**2 / 2)
    fixes.x += np.where(np.arange(count) % 2, shaken_px, -shaken_px) / fixes.scale
    fixes.size[:] = size_px(fixes, grid, size_m)
    verdict = judge(fixes, grid, STEP_S, replace(seen(grid), width_px=float(fixes.u[-1]) + 3))
    assert (verdict is not None) == falls
    if verdict is not None:
        kept = {measure.name: measure.limit for measure in verdict.why}
        assert kept["pull"] == (6.5 if count == 20 else 9.2), "as it had to be: narrower where it is seen briefly"


@pytest.mark.parametrize(
    ("from_m", "late_s", "pull", "size_m", "falls"),
    [
        (7.2, 0.1, 9.7, 0.8, True),  # an air conditioner, from the third floor
        (4.2, 0.1, 9.7, 0.5, True),  # a flower pot, from the second
        (4.2, 0.4, 9.7, 0.5, False),
        (36.0, 1.7, 9.7, 1.0, True),  # seen below trees only, and long for its own speed
        (7.2, 0.1, 9.7, 0.2, True),
        (20.0, 0.45, 15.0, 0.35, False),  # a bird nearer than the wall
    ],
)  # fmt: skip
def test_what_lands_is_a_fall_though_it_is_large_and_a_near_bird_is_none(
    from_m: float, late_s: float, pull: float, size_m: float, falls: bool
) -> None:
    camera, grid = wall()
    t = np.arange(late_s, np.sqrt(2 * from_m / pull), STEP_S)
    fixes = track(grid, camera, np.zeros(len(t)), from_m - pull * t**2 / 2)
    fixes.size[:] = size_px(fixes, grid, size_m)
    assert (judge(fixes, grid, STEP_S, seen(grid)) is not None) == falls


@pytest.mark.parametrize(
    ("at_m", "vanished", "pull", "size_m", "falls"),
    [
        (0.0, True, 9.7, 0.4, True),
        (0.0, True, 9.7, 0.7, False),  # so large that it may be a bird nearer than the wall
        (0.0, False, 9.7, 0.4, False),  # it may be seen to go on
        (None, True, 9.7, 0.4, False),  # behind something, as a bird
        (-3.0, True, 9.7, 0.4, False),  # far above the line
        (0.0, True, 13.0, 0.4, False),  # not pulled as a stone
    ],
)
def test_what_is_gone_where_things_land_has_landed(
    at_m: float | None, vanished: bool, pull: float, size_m: float, falls: bool
) -> None:
    """Thrown outwards with 3 m/s, one second and 6 m down to a canopy."""
    camera, grid = wall()
    t = 0.13 + np.arange(16) * STEP_S
    fixes = track(grid, camera, 1.0 * t, 18 - pull * t**2 / 2, 0.3 + 3.0 * t)
    fixes.size[:] = size_px(fixes, grid, size_m)
    lands_m = None if at_m is None else float(fixes.z[-1]) + at_m
    verdict = judge(fixes, grid, STEP_S, replace(seen(grid), vanished=vanished, lands_m=lands_m))
    assert (verdict is not None) == falls


@pytest.mark.parametrize(
    ("count", "pull", "vanished", "falls"),
    [
        (12, 9.7, True, True), (12, 8.0, True, False), (16, 7.0, True, False),
        (19, 9.7, False, True), (19, 13.0, False, False), (26, 13.0, False, True),
    ],
)  # fmt: skip
def test_what_is_hardly_longer_than_a_dive_is_pulled_as_a_stone(
    count: int, pull: float, vanished: bool, falls: bool
) -> None:
    """Longer, it may be the floors that somebody told wrong."""
    camera, grid = wall()
    t = 0.15 + np.arange(count) * STEP_S
    fixes = track(grid, camera, np.zeros(count), 42 - pull * t**2 / 2)
    assert (judge(fixes, grid, STEP_S, replace(seen(grid), vanished=vanished)) is not None) == falls


@pytest.mark.parametrize(("off_px", "falls"), [(0.3, True), (0.9, False)])
def test_half_a_second_is_enough_for_what_keeps_the_narrowest_limits(off_px: float, falls: bool) -> None:
    """2.4 m on the way out of the picture: nothing but a fall keeps to its path within half a pixel."""
    camera, grid = wall()
    t = 0.2 + np.arange(9) * STEP_S
    fixes = track(grid, camera, 3.0 * (t - t[-1]), 40 - 9.7 * t**2 / 2)
    fixes.z += np.where(np.arange(9) % 2, off_px, -off_px) / fixes.scale
    edge = float(fixes.u[-1]) + 5
    verdict = judge(fixes, grid, STEP_S, replace(seen(grid), width_px=edge))
    assert (verdict is not None) == falls


def test_what_is_thrown_outwards_beside_the_camera_is_a_fall() -> None:
    """Seen from below it moves away from the picture's middle the more, the nearer it comes to the lens."""
    camera, grid = wall()
    path = way(np.array([7.0, 40.0, 0.3, 0.0, 0.0, 3.5]), 0.0, 30.0)
    t = np.arange(36) * STEP_S
    fixes = track(grid, camera, *(np.interp(t, path[:, 0], path[:, n]) for n in (1, 2, 3)))
    line = np.polyfit(t, fixes.x, 1)
    assert np.abs((fixes.x - np.polyval(line, t)) * fixes.scale).max() > 5  # px off a straight line on the wall
    verdict = judge(fixes, grid, STEP_S, seen(grid))
    assert verdict is not None
    assert verdict.course.out == pytest.approx(3.5, abs=0.4)
    assert verdict.course.terminal == pytest.approx(30.0, abs=6)
    assert {why.name: why.value for why in verdict.why}["residual_across"] < 0.2  # px
    assert verdict.x == pytest.approx(float(fixes.x[0]), abs=0.3)


@pytest.mark.parametrize("columns", [True, False])
@pytest.mark.parametrize(("out", "terminal"), [(3.5, 36.0), (3.0, 28.0), (2.0, 18.0), (0.3, 16.0)])
def test_what_comes_within_metres_of_the_camera_is_a_fall(out: float, terminal: float, columns: bool) -> None:
    """Thrown off a tower seen from 13 m: drag slows it outwards as well, and the picture is bent by the lens."""
    grid = fit(wide(columns))
    path = way(np.array([-1.0, 34.5, 0.3, 0.0, 1.0, out]), 0.0, terminal)
    t = np.arange(path[0, 0], path[-1, 0], STEP_S)
    x, z, away = (np.interp(t, path[:, 0], path[:, n]) for n in (1, 2, 3))
    u, v, _ = WIDE.pixels(x, z, away)
    kept = (u > 0) & (u < 1280) & (v > 0) & (v < 700)
    fixes = track(grid, WIDE, x[kept], z[kept], away[kept])
    verdict = judge(fixes, grid, STEP_S, Seen(*grid.sides(), 11.0, 1280))
    assert verdict is not None
    assert verdict.kind == "falling_object"
    assert verdict.course.out == pytest.approx(out, abs=1.0)
    assert abs(floors(told(fixes, verdict, grid), verdict.noise_m, grid.facade)[0][0] - 12) <= 1


@pytest.mark.parametrize(("count", "falls"), [(16, False), (19, True)])
def test_what_comes_nearer_falls_farther_than_it_seems(count: int, falls: bool) -> None:
    """6.3 m before it is hidden, and 4.0 m on the wall behind it; with something like it about it takes five."""
    grid = fit(wide(columns=True))
    path = way(np.array([1.0, 24.0, 0.3, 0.0, 0.5, 1.5]), 0.0, 34.0)
    t = np.arange(count) * STEP_S
    fixes = track(grid, WIDE, *(np.interp(t, path[:, 0], path[:, n]) for n in (1, 2, 3)))
    fixes.company = 1
    assert fixes.z[0] - fixes.z[-1] < 4.1
    assert (judge(fixes, grid, STEP_S, Seen(*grid.sides(), 5.0, 1280, vanished=True)) is not None) == falls


def test_what_is_thrown_up_and_hidden_is_a_fall_from_its_highest_point() -> None:
    """2.8 m below the hand, and 3.6 below the highest point: half a pixel off nothing but a fall."""
    camera, grid = wall()
    t = np.arange(20) * STEP_S
    fixes = track(grid, camera, np.zeros(20), 30 + 4.0 * t - 9.7 * t**2 / 2)
    assert fixes.z[0] - fixes.z[-1] < 2.9
    assert judge(fixes, grid, STEP_S, replace(seen(grid), vanished=True)) is not None


@pytest.mark.parametrize("times", [0.8, 1.0, 1.2])
def test_a_fall_stays_one_on_a_wall_whose_floors_are_told_a_fifth_wrong(times: float) -> None:
    camera, facade = drawn(3)
    grid = fit(msgspec.structs.replace(facade, floor_m=times * FLOOR_M))
    path = way(np.array([0.0, 40.0, 0.3, 0.0, 0.0, 0.2]), 0.0, 30.0)
    t = np.arange(0.0, path[-1, 0], STEP_S)
    fixes = track(grid, camera, *(np.interp(t, path[:, 0], path[:, n]) for n in (1, 2, 3)))
    verdict = judge(fixes, grid, STEP_S, seen(grid))
    assert verdict is not None
    assert verdict.kind == "falling_object"


RARELY = [0, 2, 5, 7, 10, 13, 16, 19, 21]
OFTEN = [0, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 20, 21]
EARLY = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 16, 21]


@pytest.mark.parametrize(
    ("off_px", "seen_in", "falls"), [(0.5, OFTEN, True), (1.6, OFTEN, False), (0.5, EARLY, False), (0.1, RARELY, False)]
)
def test_a_track_with_gaps_keeps_narrow_limits(off_px: float, seen_in: list[int], falls: bool) -> None:
    """Thirteen fixes in 22 frames may be of anything, unless they lie on a fall's path, also where it is fast; nine are
    chance though they do.
    """
    camera, grid = wall()
    kept = np.array(seen_in)
    t = np.arange(24) * STEP_S
    whole = track(grid, camera, np.zeros(24), 40 - 9.7 * t**2 / 2)
    fixes = replace(whole, **{name: getattr(whole, name)[kept] for name in ("t", "u", "v", "x", "z", "size", "scale")})
    fixes.z += np.where(np.arange(len(kept)) % 2, off_px, -off_px) / fixes.scale
    fixes.contrast = np.full(len(kept), 40.0)
    assert (judge(fixes, grid, STEP_S, seen(grid)) is not None) == falls


@pytest.mark.parametrize(
    ("size_px", "what", "falls"),
    [
        (5.0, "falls", True), (5.0, "stray", True), (5.0, "spreads", False),
        (30.0, "falls", True), (30.0, "stray", False), (30.0, "spreads", False),
    ],
)  # fmt: skip
def test_what_spreads_its_wings_is_no_fall(size_px: float, what: str, falls: bool) -> None:
    """1.27 s and 8.9 m of a dive, and then held up; of what is as large as a bird near the camera no fix is left out
    as a stray either, of something small none of its end.
    """
    camera, grid = wall()
    t = 0.1 + np.arange(22) * STEP_S
    z = 40 - 9.7 * t**2 / 2
    if what == "spreads":
        z[-2:] = z[-3] - (z[-4] - z[-3]) * np.array([0.8, 1.4])
    if what == "stray":
        z[10] += 0.6
    fixes = track(grid, camera, np.zeros(22), z)
    fixes.size[:] = size_px
    assert (judge(fixes, grid, STEP_S, seen(grid)) is not None) == falls


@pytest.mark.parametrize(("size_px", "off_px", "falls"), [(5.0, 1.6, True), (30.0, 1.9, True), (30.0, 2.4, False)])
def test_what_is_large_keeps_the_narrow_limits(size_px: float, off_px: float, falls: bool) -> None:
    """Twenty metres, so that anything small may be as doubtful."""
    camera, grid = wall()
    t = np.arange(31) * STEP_S
    fixes = track(grid, camera, np.zeros(31), 40 - 9.7 * t**2 / 2)
    fixes.z += np.where(np.arange(31) % 2, off_px, -off_px) / fixes.scale
    fixes.size[:] = size_px
    assert (judge(fixes, grid, STEP_S, seen(grid)) is not None) == falls


def test_strays_before_a_long_fall_do_not_hide_it() -> None:
    camera, grid = wall()
    t = np.arange(26) * STEP_S
    x, z = np.zeros(26), 40 - 9.7 * t**2 / 2
    x[:4], z[:4] = 4.0, 43.0
    verdict = judge(track(grid, camera, x, z), grid, STEP_S, seen(grid))
    assert verdict is not None
    assert verdict.head > 0
    x[:12] = 4.0 - np.arange(12) * 0.4  # a bird that flew about before it dropped
    assert judge(track(grid, camera, x[:24], z[:24]), grid, STEP_S, seen(grid)) is None


@pytest.mark.parametrize(
    ("count", "z", "down", "falls"),
    [(12, 13.0, 13.5, True), (10, 13.0, 13.5, False), (7, 10.6, 19.0, False), (11, 16.0, 19.0, True)],
)
def test_what_is_seen_late_counts_when_it_lands(count: int, z: float, down: float, falls: bool) -> None:
    """As fast as after ten metres and more: behind trees, or in the colour of the wall until then. Seven fixes on a
    perfect path are chance, of rain."""
    camera, grid = wall()
    t = np.arange(count) * STEP_S
    fixes = track(grid, camera, np.zeros(count), z - down * t - 9.6 * t**2 / 2)
    assert (judge(fixes, grid, STEP_S, seen(grid)) is not None) == falls


@pytest.mark.parametrize(("count", "falls"), [(17, False), (20, True)])
def test_what_is_light_and_vanishes_has_to_fall_longer_than_a_bird_dives(count: int, falls: bool) -> None:
    camera, grid = wall()
    t = 0.5 + np.arange(count) * STEP_S
    fixes = track(grid, camera, np.zeros(count), 40 - 13.0**2 / 9.81 * np.log(np.cosh(9.81 * t / 13.0)))
    verdict = judge(fixes, grid, STEP_S, replace(seen(grid), vanished=True))
    assert (verdict is not None and verdict.kind == "falling_object") == falls


def frames(
    tracks: Tracks, points: list[list[tuple[float, float]]], contrast: Callable[[int], float] = lambda number: 6.0,
    busy: Callable[[float], bool] = lambda x: False, blind: tuple[int, ...] = (), lands_m: float = -np.inf,
) -> Iterator[None]:  # fmt: skip
    """Steps of one frame each; points (x, z) in m at 30 px per m, of six pixels. `contrast`: of the first point, six
    grey levels otherwise; `busy`: where something moves all the time; `blind`: frames that could not be looked at;
    `lands_m`: of the line at which things land.
    """
    for number, frame in enumerate(points):
        seen = [] if number in blind else frame
        x, z = np.array([x for x, _ in seen]), np.array([z for _, z in seen])
        blobs = np.column_stack([30 * x, 900 - 30 * z, np.full((len(x), 3), 6.0)])
        blobs[:1, 4] = contrast(number)
        calm = np.array([not busy(one) for one in x], bool)
        tracks.step(number * STEP_S, blobs, calm, x, z, np.full(len(x), 30.0), z < lands_m, number not in blind)
        yield


def falling(x: float, top: float, count: int) -> list[tuple[float, float]]:
    return [(x, top - 9.6 * (number * STEP_S) ** 2 / 2) for number in range(count)]


@pytest.mark.parametrize("flies_on", [False, True])
def test_a_track_vanishes_where_nothing_moves_on(flies_on: bool) -> None:
    tracks = Tracks(60.0)
    path = [[point] for point in falling(1.0, 40.0, 14)]
    x, z = path[-1][0]
    after = [[(x + 0.5 * n, z - 0.05 * n), (x + 20, 5.0)] if flies_on else [(x + 20, 5.0)] for n in range(1, 9)]
    gone = [fixes for _ in frames(tracks, path + after) for fixes in tracks.vanished()]
    assert [round(float(fixes.z[-1]), 1) for fixes in gone] == ([] if flies_on else [round(z, 1)])


@pytest.mark.parametrize(
    ("flies_on", "contrast", "busy", "blind", "gone"),
    [
        ([], 6.0, False, (), True),
        ([1, 2, 3, 4, 5, 6], 6.0, False, (), False),
        ([2, 5], 6.0, False, (), True),  # a speck now and then
        ([2, 4, 5], 6.0, False, (), False),  # a bird that flaps
        ([1, 2, 3, 4, 5, 6], 2.0, False, (), True),  # faint: noise
        ([1, 2, 3, 4, 5, 6], 3.0, False, (), False),
        ([1, 2, 3, 4, 5, 6], 3.0, True, (), True),  # leaves, where they always are
        ([1, 2, 3, 4, 5, 6], 5.0, True, (), False),  # there, too, what is just like it
        ([], 6.0, False, (1, 2), True),
        ([], 6.0, False, (1, 2, 3), False),  # nobody could look
    ],
)
def test_a_track_vanishes_where_nothing_like_it_moves_on(
    flies_on: list[int], contrast: float, busy: bool, blind: tuple[int, ...], gone: bool
) -> None:
    tracks = Tracks(60.0)
    path = [[point] for point in falling(1.0, 40.0, 14)]
    x, z = path[-1][0]
    after = [[(x + 0.5 * n, z + 0.4 * n), (x + 20, 5.0)] if n in flies_on else [(x + 20, 5.0)] for n in range(1, 9)]
    ended = []
    for number, _ in enumerate(frames(
        tracks, path + after, lambda n: 6.0 if n < 14 else contrast, lambda at: busy and x < at < x + 10,
        tuple(13 + n for n in blind),
    )):  # fmt: skip
        ended += tracks.vanished()
        if number == 13:
            assert len(tracks.alive()) == 1
    assert [round(float(fixes.z[-1]), 1) for fixes in ended] == ([round(z, 1)] if gone else [])


@pytest.mark.parametrize(
    ("unseen", "lands_m", "followed"),
    [
        (0, 36.0, True),  # it is thrown beyond the canopy
        (1, 36.0, True),
        (2, 36.0, False),  # it has landed; that is a leaf below
        (2, -1.0, True),
        (2, 50.0, True),  # it was below the line already
    ],
)
def test_what_passes_the_line_unseen_has_landed(unseen: int, lands_m: float, followed: bool) -> None:
    tracks = Tracks(60.0)
    path = [[point] for point in falling(1.0, 40.0, 20)]  # past 36 m from the 15th on
    path[14 : 14 + unseen] = [[(30.0, 5.0)]] * unseen
    longest = 0
    for _ in frames(tracks, path, lands_m=lands_m):
        longest = max([longest, *(len(tracks.fixes(row).t) for row in tracks.alive().values())])
    assert longest == (20 - unseen if followed else 14)


@pytest.mark.parametrize(
    ("before", "contrast", "taken"),
    [
        ([50.0] * 12, 12.0, True),
        ([50.0] * 12, 8.0, False),
        ([20.0] * 7 + [130.0] * 5, 17.0, True),  # a bird that has passed dark windows
        ([130.0] * 12, 17.0, False),
    ],
)
def test_what_is_much_fainter_is_no_fix(before: list[float], contrast: float, taken: bool) -> None:
    tracks = Tracks(60.0)
    path = [[point] for point in falling(1.0, 40.0, 13)]
    for _ in frames(tracks, path, lambda number: [*before, contrast][number]):
        pass
    assert max(len(tracks.fixes(row).t) for row in tracks.alive().values()) == (13 if taken else 12)


@pytest.mark.parametrize("roof_m", [30.0, 60.0])
def test_what_is_thrown_off_the_roof_towards_the_camera_is_followed(roof_m: float) -> None:
    """At 4 m/s, 26 m from the camera: it rises over the roof, and seems to fall with 30 m/s and more at last."""
    tracks = Tracks(roof_m)
    t = np.arange(int(np.sqrt(2 * (roof_m - 3) / 9.7) / STEP_S)) * STEP_S
    nearer = 26 / (26 - 0.3 - 4.0 * t)
    z, x = 3 + (roof_m - 3 - 9.7 * t**2 / 2) * nearer, 2 * nearer
    longest = 0
    for _ in frames(tracks, [[point] for point in zip(x.tolist(), z.tolist(), strict=True)]):
        longest = max([longest, *(len(tracks.fixes(row).t) for row in tracks.alive().values())])
    assert longest > 25
    assert z.max() > roof_m + 1


@pytest.mark.parametrize(
    ("what", "unseen", "since"),
    [
        ("thrown upwards", [], 0),
        ("thrown upwards", [2, 3], 0),
        ("thrown upwards", [1, 2, 3], 4),  # what there was so long before may be anything
        ("flies to its ledge", [], 0),
    ],
)
def test_a_track_is_followed_back_to_where_it_came_from(what: str, unseen: list[int], since: int) -> None:
    """It begins where something comes down; what it did before tells a throw from a bird."""
    tracks = Tracks(60.0)
    t = np.arange(28) * STEP_S
    if what == "thrown upwards":
        x, z = 1.0 + 1.5 * t, 30 + 4.0 * t - 9.7 * t**2 / 2
    else:
        x, z = 4.0 * t, 30 - 8.0 * np.maximum(0, t - t[9]) ** 2 / 2
    points = [[point] for point in zip(x.tolist(), z.tolist(), strict=True)]
    for _ in frames(tracks, points, blind=tuple(unseen)):
        rows = tracks.grown(7, 3.4, 10)
    (row,) = rows
    fixes = tracks.fixes(row)
    assert fixes.t[0] == pytest.approx(since * STEP_S)
    assert len(fixes.t) == len(set(range(since, 28)) - set(unseen))
    assert (np.diff(fixes.t) > 0).all()


def test_a_long_track_is_judged_in_a_storm() -> None:
    """Forty tracks are long enough to be judged, ten a frame are: each has its turn."""
    tracks = Tracks(60.0)
    paths = [falling(3.0 * number, 40.0 + number / 10, 26) for number in range(40)]
    turns: Counter[int] = Counter()
    for _ in frames(tracks, [list(frame) for frame in zip(*paths, strict=True)]):
        turns.update(tracks.grown(7, 3.4, 10))
    assert len(turns) == 40
    assert min(turns.values()) >= 2


def test_in_a_storm_what_moves_as_no_fall_does_is_judged_last() -> None:
    tracks = Tracks(60.0)
    steady = [[(3.0 * number, 40.0 - 6.0 * frame * STEP_S) for number in range(1, 40)] for frame in range(20)]
    turns: Counter[int] = Counter()
    for _ in frames(tracks, [[*many, one] for many, one in zip(steady, falling(0.0, 40.0, 20), strict=True)]):
        turns.update(round(float(tracks.fixes(row).x[-1])) for row in tracks.grown(7, 3.4, 10))
    assert turns[0] >= 5
    assert turns[0] > max(count for x, count in turns.items() if x)


def test_in_a_storm_what_comes_nearer_has_its_turn() -> None:
    tracks = Tracks(60.0)
    paths = [falling(3.0 * number, 58.0 + number / 30, 30) for number in range(1, 29)]
    nearer = [(0.0, 58.0 - 5.0 * n * STEP_S - 20.0 * (n * STEP_S) ** 2 / 2) for n in range(30)]
    turns = []
    for number, _ in enumerate(frames(tracks, [list(frame) for frame in zip(*paths, nearer, strict=True)])):
        turns += [number for row in tracks.grown(7, 3.4, 10) if round(float(tracks.fixes(row).x[-1])) == 0]
    assert len([number for number in turns if number > 15]) >= 3


def test_a_bird_that_crosses_is_no_fall() -> None:
    camera, grid = wall()
    t = np.arange(16) * STEP_S
    fixes = track(grid, camera, -4 + 9.0 * t, 40 - 6 * t - 9.81 * t**2 / 2)  # even one that drops as a stone
    assert judge(fixes, grid, STEP_S, seen(grid)) is None


@pytest.mark.parametrize("up_s", [0.0, 0.5])
def test_paper_is_suspected_only(up_s: float) -> None:
    """Also when it is thrown up before."""
    camera, grid = wall()
    t = np.arange(60) * STEP_S
    z = np.where(t < up_s, 30 - 6.0 * (t - up_s) ** 2, 30 - 2.5 * (t - up_s))
    verdict = judge(track(grid, camera, np.zeros(60), z), grid, STEP_S, seen(grid))
    assert verdict is not None
    assert verdict.kind == "light_object"


@pytest.mark.parametrize(
    ("last_mps", "seen_s", "count", "lands", "kinds"),
    [
        (9.0, 1.5, 18, True, {"light_object"}),  # a ball of paper, a carton
        (9.0, 1.5, 18, False, set()),  # it may still be a fall
        (13.0, 0.8, 26, True, {"falling_object"}),
    ],
)
def test_what_falls_at_a_steady_speed_is_suspected_when_it_is_seen_no_more(
    last_mps: float, seen_s: float, count: int, lands: bool, kinds: set[str]
) -> None:
    """Never first suspected and then told as a fall."""
    camera, grid = wall()
    t = seen_s + np.arange(count) * STEP_S
    z = -(last_mps**2) / 9.81 * np.log(np.cosh(9.81 * t / last_mps))
    z += 0.2 - z[-1] if lands else 35 - z[0]
    fixes = track(grid, camera, np.zeros(count), z)
    told = {
        verdict.kind
        for n in range(7, count + 1)
        if (verdict := judge(_first(fixes, n), grid, STEP_S, seen(grid))) is not None
    }
    assert told == kinds


def _first(fixes: Fixes, count: int) -> Fixes:
    names = ("t", "u", "v", "x", "z", "size", "scale", "contrast")
    return replace(fixes, **{name: getattr(fixes, name)[:count] for name in names})


def verdict_of(z: float, down: float, x: float = 5.0) -> Verdict:
    return Verdict("falling_object", 0, 10.0, 11.0, Course(z, down, 9.8, 30.0, 0.0), x, 0.0, 0.4, 0.05, ())


@pytest.mark.parametrize(
    ("z", "down", "first", "sure"),
    [
        (13.2, 0.3, 5, 0.9),  # seen from the sill of the fifth floor on
        (11.0, 6.6, 5, 0.6),  # 0.67 s late: 2.2 m higher it stood still
        (12.0, 1.0, 5, 0.4),  # at the slab itself: the fourth or the fifth, and it says so
    ],
)
def test_floors_are_ranked_with_their_probabilities(z: float, down: float, first: int, sure: float) -> None:
    _, facade = drawn(2)
    verdict = verdict_of(z, down)
    ranked = floors([(1.0, verdict.course)], verdict.noise_m, facade)
    assert ranked[0][0] == first
    assert ranked[0][1] >= sure
    assert [share for _, share in ranked] == sorted((share for _, share in ranked), reverse=True)


def test_columns_come_from_the_clicked_edges() -> None:
    facade = next(facade for facade in (drawn(seed)[1] for seed in range(20)) if facade.columns)
    assert columns(verdict_of(13.2, 0.3, x=1.5 * COLUMN_M), facade)[0][0] == 2
    assert columns(verdict_of(13.2, 0.3, x=4.5 * COLUMN_M), facade)[0][0] == 5
