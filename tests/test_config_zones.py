"""[[zone]] and [[line]] of agent.toml: mistakes are named with their place, all at once, in both languages."""

from pathlib import Path

import pytest

from edge_agent.config import load_config
from edge_agent.core.alerts import ALARMS, APART, COUNTED, FAULTS
from edge_agent.errors import Problems
from edge_agent.flows.deterrence import NEVER
from edge_agent.model.face_models import Manifest
from edge_agent.model.site import AlertKind, DeterrentKind, LineKind, ZoneKind
from edge_agent.readiness import advice, check_detector, check_files
from edge_agent.tables import choices_of
from edge_agent.vision.models import as_toml, digest
from edge_agent.words import WORDS
from tests.test_config import GOOD as GATE

URL = 'url = "rtsp://127.0.0.1/stream"\n'
GOOD = GATE.replace(URL, f'{URL}use = ["face", "alerts"]\n')
ZONE = """
[[zone]]
name = "fire-lane"
camera = "north-face"
watch = ["blocked", "intrusion"]
points = [[0.1, 0.5], [0.9, 0.5], [0.9, 0.95], [0.1, 0.95]]
schedule = "night"
"""
LINE = """
[[line]]
name = "gate-line"
camera = "north-face"
watch = ["crossing", "wrong_way"]
points = [[0.2, 0.7], [0.8, 0.7]]
"""


JOINED = ("tailgating", "wrong_passage", "no_face", "repeated_denial")  # of a camera and its door


def problems(tmp_path: Path, text: str) -> list[tuple[str, str]]:
    (tmp_path / "keys").mkdir(exist_ok=True)
    (tmp_path / "keys/r.key").write_text("00112233445566778899aabbccddeeff\n")
    path = tmp_path / "agent.toml"
    path.write_text(text, "utf-8")
    try:
        load_config(path)
    except Problems as found:
        for problem in found.problems:
            assert problem.text("en")
            assert problem.text("zh")
        return [(problem.at, problem.code) for problem in found.problems]
    return []


def hints(tmp_path: Path, text: str) -> list[tuple[str, str]]:
    assert problems(tmp_path, text) == []
    found = advice(load_config(tmp_path / "agent.toml"), "agent.toml")
    assert all(hint.text(lang) for hint in found for lang in ("en", "zh"))
    return [(hint.at, hint.code) for hint in found]


def test_a_second_line_at_a_door_is_worth_a_word(tmp_path: Path) -> None:
    """Of the same camera, or of a second one at that door; one at another place is not."""
    assert hints(tmp_path, GOOD + LINE) == []
    again = LINE.replace('"gate-line"', '"steps"')
    assert hints(tmp_path, GOOD + LINE + again) == [("line[1]", "config.second_line")]
    second = '\n[[camera]]\nname = "side"\nurl = "rtsp://127.0.0.1/2"\nuse = ["alerts"]\n'
    elsewhere = again.replace('"north-face"', '"side"')
    assert hints(tmp_path, GOOD + second + LINE + elsewhere) == []
    there = second + 'door = "north-gate"\n'
    assert hints(tmp_path, GOOD + there + LINE + elsewhere) == [("line[1]", "config.second_line")]


def test_an_act_too_long_ago_for_its_clip_is_worth_a_word(tmp_path: Path) -> None:
    kept = GOOD.replace('["face", "alerts"]', '["face", "alerts", "evidence"]')
    assert hints(tmp_path, kept + ZONE + "blocked_s = 60\n") == []
    assert hints(tmp_path, GOOD + ZONE + "blocked_s = 61\n") == []
    assert hints(tmp_path, kept + ZONE + "blocked_s = 61\n") == [("zone[0].watch", "config.begun_long_ago")]


ALERT = '\n[[alert]]\nname = "{name}"\n{what}'
LAMP = (
    '\n[[link]]\nname = "lamp-line"\nurl = "sim://lamp"\n\n[[deterrent]]\nname = "lamp"\n'
    'output = {{ link = "lamp-line", profile = "gates/sim", relay = 1 }}\n{what}'
)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (ZONE + ALERT.format(name="a", what='kinds = ["blocked"]'), []),
        (ALERT.format(name="a", what='kinds = ["blocked"]'), [("alert[0].kinds", "config.alert_of_nothing")]),
        (
            ZONE + ALERT.format(name="a", what='kinds = ["blocked", "smoke"]'),
            [("alert[0].kinds", "config.alert_of_nothing")],
        ),
        (ZONE + ALERT.format(name="a", what='rules = ["fire-lane"]\nkinds = ["moved"]'),
         [("alert[0].kinds", "config.alert_of_nothing")]),
        (ALERT.format(name="a", what='kinds = ["moved"]'), []),
        (ALERT.format(name="a", what='rules = ["north-face"]\nkinds = ["black"]'), []),
        (ALERT.format(name="a", what='rules = ["north-face"]'), []),
        (
            ALERT.format(name="a", what='rules = ["north-face"]\nlevel = "alarm"')
            + LAMP.format(what='kinds = ["black"]'),
            [],
        ),
        (
            ALERT.format(name="a", what='rules = ["north-face"]') + ALERT.format(name="b", what='kinds = ["black"]'),
            [("alert[1]", "config.alert_taken")],
        ),
        (LINE + ALERT.format(name="a", what='kinds = ["tailgating", "wrong_passage"]'), []),
        (ALERT.format(name="a", what='kinds = ["tailgating"]'), [("alert[0].kinds", "config.alert_of_nothing")]),
        (ALERT.format(name="a", what='kinds = ["repeated_denial"]'), []),
        (
            ZONE + ALERT.format(name="all", what="") + ALERT.format(name="b", what='kinds = ["blocked"]'),
            [("alert[1]", "config.alert_taken")],
        ),
        (
            ZONE + ALERT.format(name="b", what='kinds = ["blocked"]') + ALERT.format(name="all", what=""),
            [],
        ),
        (ZONE + ALERT.format(name="a", what='rules = ["north-gate"]'), []),
        (ZONE + LAMP.format(what='kinds = ["intrusion"]'), []),
        (LAMP.format(what='kinds = ["intrusion", "repeated_denial"]'),
         [("deterrent[0].kinds", "config.deterrent_of_nothing")]),
        (LAMP.format(what='kinds = ["intrusion"]'), [("deterrent[0].kinds", "config.deterrent_of_nothing")]),
        (
            ZONE + ALERT.format(name="a", what='level = "warning"') + LAMP.format(what=""),
            [("deterrent[0]", "config.deterrent_idle")],
        ),
    ],
)  # fmt: skip
def test_a_rule_that_can_never_do_anything_is_worth_a_word(
    tmp_path: Path, text: str, found: list[tuple[str, str]]
) -> None:
    assert hints(tmp_path, GOOD + text) == found


def test_zones_and_lines_are_read(tmp_path: Path) -> None:
    assert problems(tmp_path, GOOD + ZONE + LINE) == []
    config = load_config(tmp_path / "agent.toml")
    assert config.zones[0].watch == ("blocked", "intrusion")
    assert config.zones[0].points[2] == (0.9, 0.95)
    assert config.lines[0].points == ((0.2, 0.7), (0.8, 0.7))


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ('camera = "north-face"\nwatch = ["b', 'camera = "south"\nwatch = ["b', ("zone[0].camera", "config.no_such")),
        ('"blocked", "intrusion"', '"blocked", "swimming"', ("zone[0].watch", "config.wrong_choice")),
        ('["blocked", "intrusion"]', "[]", ("zone[0].watch", "zone.no_watch")),
        ('"blocked", "intrusion"', '"ebike"', ("zone[0].watch", "zone.needs_detector")),
        ("[0.9, 0.95]", "[0.9, 1.95]", ("zone[0].points[2]", "zone.outside")),
        (
            "[0.1, 0.5], [0.9, 0.5], [0.9, 0.95]",
            "[0.1, 0.5], [0.9, 0.95], [0.9, 0.5]",
            ("zone[0].points", "zone.crossing"),
        ),
        (", [0.9, 0.95], [0.1, 0.95]]", "]", ("zone[0].points", "zone.too_few")),
        ('schedule = "night"', "loiter_s = 0.5", ("zone[0].loiter_s", "config.range")),
        ('schedule = "night"', "sensitivity = 2.0", ("zone[0].sensitivity", "config.range")),
        ("[0.8, 0.7]]", "[0.2, 0.7]]", ("line[0].points", "zone.short_line")),
        ("[0.8, 0.7]]", "[0.8, 0.7], [0.9, 0.9]]", ("line[0].points", "config.wrong_length")),
        ("[0.1, 0.5], [0.9, 0.5]", "[0.1, 0.5, 0.3], [0.9, 0.5]", ("zone[0].points[0]", "config.wrong_length")),
        ("[0.1, 0.5], [0.9, 0.5]", '[0.1, "low"], [0.9, 0.5]', ("zone[0].points[0][1]", "config.wrong_type")),
        ('use = ["face", "alerts"]', 'use = ["face"]', ("zone[0].camera", "config.camera_unwatched")),
        ('use = ["face", "alerts"]', 'use = ["face", "evidence"]', ("line[0].camera", "config.camera_unwatched")),
        ('name = "gate-line"\ncamera', 'name = "fire-lane"\ncamera', ("line[0].name", "config.duplicate")),
    ],
)
def test_a_mistake_is_named_with_its_place(tmp_path: Path, before: str, after: str, expected: tuple[str, str]) -> None:
    assert before in GOOD + ZONE + LINE
    assert expected in problems(tmp_path, (GOOD + ZONE + LINE).replace(before, after))


ALERTS = """
[[alert]]
name = "loud"
kinds = ["loitering", "no_face"]
rules = ["fire-lane", "gate-line", "north-face", "north-gate"]
level = "alarm"

[[link]]
name = "horn-line"
url = "sim://horn"

[[deterrent]]
name = "horn"
output = { link = "horn-line", profile = "gates/sim", relay = 0 }
kinds = ["intrusion", "loitering"]
"""


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ('kinds = ["loitering", ', 'kinds = ["loitreing", ', [("alert[0].kinds", "config.wrong_choice")]),
        ('kinds = ["loitering", ', 'kinds = ["crossing", ', [("alert[0].kinds", "config.wrong_choice")]),
        ('"fire-lane", "gate-line"', '"fire-lane", "gateline"', [("alert[0].rules", "config.no_such")]),
        ('["intrusion", ', '["falling", ', [("deterrent[0].kinds", "config.wrong_choice")]),
        ('["intrusion", ', '["light_object", ', [("deterrent[0].kinds", "config.wrong_choice")]),
        ('level = "alarm"', "", [("deterrent[0].kinds", "config.deterrent_silent")]),
        ("", "", []),
    ],
)
def test_a_rule_that_can_never_say_anything_is_refused(
    tmp_path: Path, before: str, after: str, expected: list[tuple[str, str]]
) -> None:
    assert before in ALERTS
    assert problems(tmp_path, GOOD + ZONE + LINE + ALERTS.replace(before, after)) == expected


@pytest.mark.parametrize(
    ("mask", "codes"),
    [
        ("0.1, 0.1, 0.4, 0.1, 0.4, 0.4, 0.1, 0.4", []),
        ("0.1, 0.1, 0.4, 0.4, 0.4, 0.1, 0.1, 0.4", ["zone.crossing"]),
        ("0.1, 0.1, 0.2, 0.2, 0.4, 0.4", ["config.camera_mask_small"]),
        ("0.1, 0.1, 0.4", ["config.camera_mask"]),
        ("10, 10, 40, 10, 40, 40", ["config.camera_mask"]),
    ],
)
def test_a_mask_that_does_not_hide_what_was_meant_is_refused(tmp_path: Path, mask: str, codes: list[str]) -> None:
    text = GOOD.replace(URL, f"{URL}masks = [[0.0, 0.0, 0.1, 0.0, 0.1, 0.1], [{mask}]]\n")
    assert problems(tmp_path, text) == [("camera[0].masks[1]", code) for code in codes]


def test_the_kinds_that_rules_may_name_are_those_that_are_told() -> None:
    known = set(choices_of(AlertKind))
    assert known == {*choices_of(ZoneKind), *choices_of(LineKind), *ALARMS, *FAULTS, *APART, *JOINED} - COUNTED
    assert set(choices_of(DeterrentKind)) == known - NEVER
    assert all(f"alert.{kind}" in WORDS for kind in known)


@pytest.mark.parametrize(
    ("key", "wrong", "example"),
    [("sensitivity", '"high"', "0.5"), ("loiter_s", '"long"', "20.0"), ("min_size", '"small"', "0.01")],
)
def test_what_to_write_instead_is_within_its_range(tmp_path: Path, key: str, wrong: str, example: str) -> None:
    assert f"write {key} = {example}" in refused(tmp_path, ZONE.replace('schedule = "night"', f"{key} = {wrong}"))
    assert problems(tmp_path, GOOD + ZONE.replace('schedule = "night"', f"{key} = {example}")) == []


def test_what_to_write_instead_of_nothing_is_of_the_table(tmp_path: Path) -> None:
    assert 'watch = ["intrusion"]' in refused(tmp_path, ZONE.replace('["blocked", "intrusion"]', "[]"))
    assert 'watch = ["crossing"]' in refused(tmp_path, ZONE + LINE.replace('["crossing", "wrong_way"]', "[]"))


def refused(tmp_path: Path, tables: str) -> str:
    path = tmp_path / "agent.toml"
    assert problems(tmp_path, GOOD + tables)
    with pytest.raises(Problems) as caught:
        load_config(path)
    return str(caught.value)


def test_an_ebike_needs_a_detector(tmp_path: Path) -> None:
    text = GOOD + ZONE.replace('"blocked", "intrusion"', '"ebike"')
    assert problems(tmp_path, text + '\n[vision]\ndetector = "yolo-fastest-1.1-body"\n') == []


def test_check_asks_whether_the_detector_is_there_and_knows_what_the_rules_need(tmp_path: Path) -> None:
    def found(detector: str) -> list[tuple[str, str]]:
        text = GOOD + ZONE.replace('"blocked", "intrusion"', '"blocked", "ebike"')
        assert problems(tmp_path, f'{text}\n[vision]\ndetector = "{detector}"\n') == []
        config = load_config(tmp_path / "agent.toml")
        wrong = check_detector(config, "agent.toml", models)
        citys = {one.at for one in check_files(config, "agent.toml", tmp_path)}
        assert not citys & {"vision.detector", "zone[0].watch"}, "a gateway without it is configured all the same"
        for one in wrong:
            assert "dlib" not in one.text("en"), "that is about faces"
            assert one.text("en") != one.text("zh")
        return [(one.at, one.code) for one in wrong]

    models = tmp_path / "state/models"
    models.mkdir(parents=True)
    (models / "net.onnx").write_bytes(b"a network")
    for name, classes in (("people", ["person"]), ("animals", ["cat"]), ("lift", ["person", "ebike"])):
        made = Manifest(
            id=name, role="objects", file="net.onnx", sha256=digest(models / "net.onnx"), licence="own", use="any",
            classes=tuple(classes),
        )  # fmt: skip
        (models / f"{name}.toml").write_text(as_toml(made), "utf-8")
    assert found("nope") == [("vision.detector", "models.no_detector")]
    assert found("people") == [("zone[0].watch", "zone.no_class")]
    assert found("animals") == [("zone[0].watch", "zone.no_class"), ("vision.detector", "zone.no_class")]
    assert found("lift") == []
    (models / "net.onnx").write_bytes(b"another")
    assert found("lift") == [("vision.detector", "models.wrong_hash")]
