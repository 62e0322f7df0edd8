"""agent.toml: every mistake is named with its place and what to do, and all of them at once."""

from collections.abc import Callable
from pathlib import Path

import pytest

from edge_agent.config import load_config
from edge_agent.drivers.osdp_readers import osdp_key
from edge_agent.errors import EdgeAgentError, Problem, Problems
from edge_agent.readiness import advice, check_devices, check_files
from edge_agent.site_kind import site_rules
from edge_agent.words import LANGUAGES

GOOD = """\
[gateway]
id = "G0417"
zone = "Asia/Shanghai"
site = "estate"

[uplink]
url = "mqtt://127.0.0.1:1883"
mqtt = 5

[[link]]
name = "reader-line"
url = "sim://reader"

[[link]]
name = "gate-line"
url = "sim://gate"

[[terminal]]
name = "north-in"
profile = "readers/osdp-generic"
link = "reader-line"
address = 1
key_file = "keys/r.key"
door = "north-gate"

[[camera]]
name = "north-face"
url = "rtsp://127.0.0.1/stream"
door = "north-gate"

[[door]]
name = "north-gate"
gate = { link = "gate-line", profile = "gates/sim", relay = 0, exit = 0 }
ways = [["card"], ["face"]]
"""


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str], Path]:
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys/r.key").write_text("00112233445566778899aabbccddeeff\n")

    def writing(text: str) -> Path:
        path = tmp_path / "agent.toml"
        path.write_text(text, "utf-8")
        return path

    return writing


def problems(path: Path) -> list[Problem]:
    with pytest.raises(Problems) as caught:
        load_config(path)
    return caught.value.problems


def test_a_good_file(write: Callable[[str], Path]) -> None:
    config = load_config(write(GOOD))
    assert config.doors[0].ways == (("card",), ("face",))
    assert config.terminals[0].key_file == "keys/r.key"
    assert len(config.digest) == 16
    assert advice(config, "agent.toml") == []


MISTAKES = [
    ("an unknown key", 'id = "G0417"', 'id = "G0417"\nidd = 1', "gateway", "config.unknown_key"),
    ("an unknown section", "[gateway]", "[gatway]\nx = 1\n[gateway]", "", "config.unknown_key"),
    ("a missing key", 'id = "G0417"\n', "", "gateway", "config.missing_key"),
    ("a number for a name", 'name = "north-in"', "name = 7", "terminal[0].name", "config.wrong_type"),
    ("an MQTT version that does not exist", "mqtt = 5", "mqtt = 4", "uplink.mqtt", "config.wrong_choice"),
    ("a way nobody knows", '[["card"], ["face"]]', '[["card"], ["iris"]]', "door[0].ways", "config.wrong_choice"),
    ("a table for an array", '[[camera]]', "[camera]", "camera", "config.not_tables"),
    ("a door that is nowhere", 'door = "north-gate"\n\n[[camera]]', 'door = "gate-7"\n\n[[camera]]', "terminal[0].door",
     "config.no_such"),
    ("a link that is nowhere", 'link = "reader-line"', 'link = "com7"', "terminal[0].link", "config.no_such"),
    ("a gate on no link", 'gate = { link = "gate-line"', 'gate = { link = "none"', "door[0].gate.link",
     "config.no_such"),
    ("two links of one name", 'name = "gate-line"', 'name = "reader-line"', "link[1].name", "config.duplicate"),
    ("one port for two links", 'url = "sim://gate"', 'url = "sim://reader"', "link[1].url", "config.link_twice"),
    ("a gate on the reader's bus", '{ link = "gate-line"', '{ link = "reader-line"', "door[0].gate.link",
     "config.link_mixed"),
    ("a link with no scheme", 'url = "sim://gate"', 'url = "/dev/ttyUSB0"', "link[1].url", "devices.link_scheme"),
    ("face as the only way in", '[["card"], ["face"]]', '[["face"]]', "door[0].ways", "config.face_only"),
    ("face twice is still only face", '[["card"], ["face"]]', '[["face"], ["face", "face"]]', "door[0].ways",
     "config.face_only"),
    ("no way in", '[["card"], ["face"]]', "[]", "door[0].ways", "config.no_way"),
    ("a combination of what does not exist", '[["card"], ["face"]]', '[["card", "iris"], ["face"]]', "door[0].ways",
     "config.wrong_choice"),
    ("an area that is nowhere", "ways = ", 'area = "estate"\nways = ', "door[0].area", "config.no_such"),
    ("an area that leads into itself", "[[door]]", '[[area]]\nname = "a"\n[[door]]\narea = "a"\nfrom_area = "a"',
     "door[0].from_area", "config.area_to_itself"),
    ("a reset at no time", "[[door]]", '[[area]]\nname = "a"\nreset = "25:00"\n[[door]]', "area[0].reset",
     "config.bad_time"),
    ("an area of nobody", "[[door]]", '[[area]]\nname = "a"\nmax_people = 1\nmin_people = 2\n[[door]]',
     "area[0].max_people", "config.limits"),
    ("an interlock of one door", "[[door]]", '[[interlock]]\nname = "i"\ndoors = ["north-gate"]\n[[door]]',
     "interlock[0].doors", "config.interlock_alone"),
    ("an interlock with a door that is nowhere", "[[door]]",
     '[[interlock]]\nname = "i"\ndoors = ["north-gate", "x"]\n[[door]]', "interlock[0].doors", "config.no_such"),
    ("a warning longer than the time it warns of", "ways = ", "prealarm_s = 15\nways = ", "door[0].prealarm_s",
     "config.prealarm"),
    ("an escort of nobody", "ways = ", 'escort = { by = ["police"] }\nways = ', "door[0].escort.by", "config.no_such"),
    ("only faces at night", "ways = ", 'ways_at = [{ schedule = "night", ways = [["face"]] }]\nways = ',
     "door[0].ways_at[0]", "config.face_only"),
    ("a key nobody knows in a table inside a door", "ways = ", "two_persons = { cuont = 3 }\nways = ",
     "door[0].two_persons", "config.unknown_key"),
    ("a camera at a door without faces", '[["card"], ["face"]]', '[["card"]]', "camera[0].door",
     "config.camera_without_face"),
    ("a profile that is nowhere", "readers/osdp-generic", "readers/osdp-unheard", "terminal[0].profile",
     "devices.profile_unknown"),
    ("a gate's profile for a reader", "readers/osdp-generic", "gates/sim", "terminal[0].profile",
     "config.wrong_profile_kind"),
    ("a reader without a key", 'key_file = "keys/r.key"\n', "", "terminal[0].key_file", "config.no_key"),
    ("a key that is not there", "keys/r.key", "keys/q.key", "terminal[0].key_file", "config.key_missing"),
    ("a time zone that does not exist", "Asia/Shanghai", "Asia/Shanghigh", "gateway.zone", "config.bad_zone"),
    ("an uplink that is a web page", "mqtt://127.0.0.1:1883", "http://x", "uplink.url", "config.bad_url"),
    ("a gateway id that could be a path", '"G0417"', '"../G"', "gateway.id", "config.bad_name"),
    ("a title of two lines", "[[door]]", '[[door]]\ntitle = "东\\n门"', "door[0].title", "config.bad_title"),
    ("a title too long for a tile", "[[door]]", f'[[door]]\ntitle = "{"门" * 33}"', "door[0].title",
     "config.bad_title"),
    ("a site kind nobody knows", '"estate"', '"castle"', "gateway.site", "config.no_site"),
    ("one lucky frame", "[[camera]]", "[faces]\nagree = 1\n[[camera]]", "faces.agree",
     "config.range"),
    ("a face that could be anybody's", "[[camera]]", "[faces]\ndistance = 1.9\n[[camera]]", "faces.distance",
     "config.range"),
    ("more frames than are looked at", "[[camera]]", "[faces]\nagree = 4\nof = 3\n[[camera]]", "faces.agree",
     "config.agree"),
    ("a camera that is a file server", "rtsp://127.0.0.1", "ftp://127.0.0.1", "camera[0].url", "config.camera_url"),
    ("a recording at a host", "rtsp://127.0.0.1/stream", "file://media/x.mp4", "camera[0].url",
     "config.camera_url_host"),
    ("a port there is not", "rtsp://127.0.0.1/stream", "rtsp://127.0.0.1:99999/stream", "camera[0].url",
     "config.camera_url_port"),
    ("a password with a / in it", "rtsp://127.0.0.1/stream", "rtsp://admin:geheim/x@127.0.0.1/stream", "camera[0].url",
     "config.camera_url_login"),
    ("a password with a # in it", "rtsp://127.0.0.1/stream", "rtsp://admin:geheim#x@127.0.0.1/stream", "camera[0].url",
     "config.camera_url_login"),
    ("a device that is no device", "rtsp://127.0.0.1/stream", "v4l2://video0", "camera[0].url", "config.camera_device"),
    ("a size that is none", "rtsp://127.0.0.1/stream", "v4l2:///dev/video0?size=big", "camera[0].url",
     "config.camera_device"),
    ("a camera of another process", "rtsp://127.0.0.1/stream", "v4l2:///dev/video0?share=/run/other.sock",
     "camera[0].url", "config.camera_device"),
    ("one device in two sizes", "rtsp://127.0.0.1/stream\"", "v4l2:///dev/video0\"\nmain_url = \"v4l2:///dev/video0?size="
     "1920x1080\"", "camera[0].main_url", "config.camera_device_twice"),
    ("a relay the board has not", "relay = 0", "relay = 9", "door[0].gate", "devices.gate_number"),
    ("an address no bus has", "address = 1", "address = 200", "terminal[0].address", "devices.osdp_address"),
    ("a release that is too long", "ways = ", "release_s = 99\nways = ", "door[0].release_s", "config.range"),
]  # fmt: skip


@pytest.mark.parametrize(("what", "right", "wrong", "place", "code"), MISTAKES, ids=[case[0] for case in MISTAKES])
def test_a_mistake_is_named_with_its_place(
    what: str, right: str, wrong: str, place: str, code: str, write: Callable[[str], Path]
) -> None:
    assert right in GOOD
    found = problems(write(GOOD.replace(right, wrong)))
    assert (place, code) in [(problem.at, problem.code) for problem in found], [str(problem) for problem in found]
    assert "geheim" not in " ".join(map(str, found))


def test_all_mistakes_come_at_once_in_both_languages(write: Callable[[str], Path]) -> None:
    text = GOOD.replace('"G0417"', '"G 0417"').replace("mqtt = 5", "mqtt = 6").replace("Asia/Shanghai", "Moon")
    path = write(text + "\n[extra]\n")
    found = problems(path)
    assert len(found) == 4
    for lang in LANGUAGES:
        for line in Problems(found).text(lang).splitlines():
            assert line.startswith(f"{path}")
    assert "时区" in Problems(found).text("zh")


def test_a_key_too_many_hides_nothing_else(write: Callable[[str], Path]) -> None:
    """A misspelt key and a door that refers to nothing: both are told in one run."""
    text = GOOD.replace('link = "gate-line"', 'link = "gone"').replace("address = 1", "address = 1\nadress = 2")
    assert {(p.at, p.code) for p in problems(write(text))} == {
        ("terminal[0]", "config.unknown_key"), ("door[0].gate.link", "config.no_such"),
    }  # fmt: skip


def test_a_wrong_value_comes_with_what_to_write(write: Callable[[str], Path]) -> None:
    """Not the library's words: the choices there are, or what the right kind looks like."""
    text = GOOD.replace("mqtt = 5", "mqtt = 4").replace("ways = ", 'release_s = "five"\nways = ')
    said = {problem.at: str(problem) for problem in problems(write(text))}
    assert said["uplink.mqtt"].endswith('4 is not known here; choose from: 5, "3.1.1"')
    assert said["door[0].release_s"].endswith("is a TOML string, and a number is needed; write release_s = 1.5")


def test_a_gateway_without_a_door_is_told_so(write: Callable[[str], Path]) -> None:
    config = load_config(write('[gateway]\nid = "G1"\n[uplink]\nurl = "mqtt://h"\n'))
    assert [hint.code for hint in advice(config, "agent.toml")] == ["config.no_door"]


def test_one_port_under_two_names(write: Callable[[str], Path], tmp_path: Path) -> None:
    """A path written in two ways is refused at once, two links to one device by `check`, which looks at /dev."""
    near = f"serial://{tmp_path}/keys/../port"
    text = GOOD.replace("sim://reader", f"serial://{tmp_path}/port").replace("sim://gate", near)
    assert ("link[1].url", "config.link_twice") in [(p.at, p.code) for p in problems(write(text))]
    (tmp_path / "port").touch()
    (tmp_path / "by-id").symlink_to(tmp_path / "port")
    config = load_config(write(text.replace(near, f"serial://{tmp_path}/by-id")))
    assert [(p.at, p.code) for p in check_devices(config, "agent.toml")] == [("link[1].url", "config.link_twice")]


def test_a_door_nobody_can_enter_by_is_worth_a_look(write: Callable[[str], Path]) -> None:
    text = GOOD.replace('["face"]', '["card"]').replace('door = "north-gate"\n\n[[camera]]', 'door = "north-gate"\n'
                        'direction = "out"\n\n[[camera]]')  # fmt: skip
    start, end = text.index("[[camera]]"), text.index("[[door]]")
    hints = advice(load_config(write(text[:start] + text[end:])), "agent.toml")
    assert [hint.code for hint in hints] == ["config.no_entry"]


@pytest.mark.parametrize(
    ("content", "code"),
    [(None, "config.missing_file"), (b"[gateway\n", "config.not_toml"), (b"\xff\xfe\x00", "config.not_utf8")],
)
def test_a_file_that_is_no_file(content: bytes | None, code: str, tmp_path: Path) -> None:
    path = tmp_path / "agent.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(Problem) as caught:
        load_config(path)
    assert caught.value.code == code


def test_a_way_without_its_reader_is_no_way(write: Callable[[str], Path]) -> None:
    """`card` among the ways, and only a camera at the door: the face would be the only way in."""
    start, end = GOOD.index("[[terminal]]"), GOOD.index("[[camera]]")
    assert [p.code for p in problems(write(GOOD[:start] + GOOD[end:]))] == ["config.face_only"]


def test_check_looks_at_the_keys(write: Callable[[str], Path]) -> None:
    path = write(GOOD.replace("mqtt = 5", 'mqtt = 5\npassword_file = "keys/password"'))
    found = check_files(load_config(path), "agent.toml", path.parent)
    assert [problem.at for problem in found] == [
        "gateway", "uplink.city_ack_key", "uplink.city_command_key", "camera", "uplink.password_file",
    ]  # fmt: skip


def test_two_readers_with_one_address(write: Callable[[str], Path]) -> None:
    second = (
        '\n[[terminal]]\nname = "north-out"\nprofile = "readers/osdp-generic"\nlink = "reader-line"\naddress = 1\n'
        'key_file = "keys/r.key"\ndoor = "north-gate"\ndirection = "out"\n'
    )
    assert [(p.at, p.code) for p in problems(write(GOOD + second))] == [("terminal[1].address", "config.address_twice")]
    config = load_config(write(GOOD.replace(", exit = 0", "") + second.replace("address = 1", "address = 2")))
    assert [hint.code for hint in advice(config, "agent.toml")] == ["config.no_exit"]


def test_two_doors_on_one_line(write: Callable[[str], Path]) -> None:
    second = '\n[[door]]\nname = "south"\ngate = { link = "gate-line", profile = "gates/sim", relay = 1 }\n'
    assert "config.link_shared" in [p.code for p in problems(write(GOOD + second))]


@pytest.mark.parametrize("content", ["", "00", "zz" * 16, "00" * 17])
def test_a_key_that_is_no_key(content: str, tmp_path: Path) -> None:
    path = tmp_path / "k"
    path.write_text(content)
    with pytest.raises(EdgeAgentError) as caught:
        osdp_key(path)
    assert caught.value.code == "config.bad_key"


def test_the_public_default_key_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "k"
    path.write_text("303132333435363738393a3b3c3d3e3f")
    with pytest.raises(EdgeAgentError) as caught:
        osdp_key(path)
    assert caught.value.code == "config.default_key"


def test_a_device_that_is_not_plugged_in_is_said_and_not_fatal(write: Callable[[str], Path]) -> None:
    config = load_config(write(GOOD.replace("sim://reader", "serial:///dev/serial/by-id/usb-nothing?baud=9600")))
    assert [(p.at, p.code) for p in check_devices(config, "agent.toml")] == [("link[0].url", "config.device_missing")]


def test_the_site_kind_brings_its_rules() -> None:
    rules, schedules = site_rules("estate")
    assert {rule.id for rule in rules} == {"residents-always", "staff-daytime"}
    assert schedules["daytime"].spans[0].start_min == 360


OSDP_GATE = 'gate = { link = "reader-line", profile = "gates/osdp-io", address = 1, relay = 0, exit = 0 }'
OSDP = GOOD.replace('gate = { link = "gate-line", profile = "gates/sim", relay = 0, exit = 0 }', OSDP_GATE)
SECOND = (
    '\n[[terminal]]\nname = "south-in"\nprofile = "readers/osdp-generic"\nlink = "reader-line"\naddress = 2\n'
    'key_file = "keys/r.key"\ndoor = "south-gate"\n\n[[door]]\nname = "south-gate"\n'
)


def test_readers_and_doors_share_an_osdp_bus(write: Callable[[str], Path]) -> None:
    """A reader's own relay needs no second key; one board's other output is another door's."""
    other = OSDP_GATE.replace("relay = 0, exit = 0", "relay = 1")
    config = load_config(write(OSDP + SECOND + other))
    assert [door.gate.address for door in config.doors] == [1, 1]


def test_what_is_wrong_with_a_door_on_an_osdp_bus_is_named(write: Callable[[str], Path]) -> None:
    for gate, at, code in (
        (OSDP_GATE, "door[1].gate.relay", "config.output_twice"),
        (OSDP_GATE.replace("address = 1", "address = 3"), "door[1].gate.key_file", "config.no_key"),
        (OSDP_GATE.replace("address = 1", "address = 127"), "door[1].gate", "devices.osdp_address"),
        (OSDP_GATE.replace("relay = 0", "relay = 64"), "door[1].gate", "devices.osdp_number"),
    ):
        found = problems(write(OSDP + SECOND + gate))
        assert [(problem.at, problem.code) for problem in found] == [(at, code)]


def test_a_login_that_is_no_text_is_not_a_missing_file(write: Callable[[str], Path]) -> None:
    path = write(GOOD.replace("[[camera]]", '[[camera]]\nlogin_file = "login"'))
    for content, code in ((None, "config.file_missing"), (b"admin:\xff\xfe", "config.camera_login")):
        if content is not None:
            (path.parent / "login").write_bytes(content)
        (problem,) = problems(path)
        assert (problem.at, problem.code) == ("camera[0].login_file", code)


def test_check_looks_for_the_camera_of_this_machine(write: Callable[[str], Path]) -> None:
    config = load_config(write(GOOD.replace("rtsp://127.0.0.1/stream", "v4l2:///dev/v4l/by-id/usb-none?size=640x480")))
    (problem,) = check_devices(config, "agent.toml")
    assert (problem.at, problem.code) == ("camera[0].url", "config.camera_missing")
    assert "/dev/v4l/by-id/usb-none;" in str(problem)
    assert check_devices(load_config(write(GOOD.replace("rtsp://127.0.0.1/stream", "v4l2:///dev/null"))), "a") == []
    two = 'v4l2:///dev/null"\nmain_url = "v4l2:///dev/fd/../null'
    (problem,) = check_devices(load_config(write(GOOD.replace("rtsp://127.0.0.1/stream", two))), "agent.toml")
    assert (problem.at, problem.code) == ("camera[0].main_url", "config.camera_missing")


@pytest.mark.parametrize(("codec", "found"), [("gbk", "GBK"), ("utf-16", "UTF-16"), ("utf-16-be", "UTF-16")])
def test_another_encoding_is_told_with_its_line_and_what_to_do(codec: str, found: str, tmp_path: Path) -> None:
    """“位置 579 处不是 UTF-8 编码” led nobody to the line, nor to “另存为”."""
    path = tmp_path / "agent.toml"
    path.write_bytes('[gateway]\nid = "G1"\n\n# 北门\n'.encode(codec))
    with pytest.raises(Problem) as caught:
        load_config(path)
    assert caught.value.code == "config.not_utf8"
    assert caught.value.fields == {"line": 4 if codec == "gbk" else caught.value.fields["line"], "found": found}
    assert "另存为" in caught.value.text("zh")
    assert "codec" not in caught.value.text("en")


@pytest.mark.parametrize(
    ("line", "mark"),
    [
        ("id = “G1”", "“"),
        ("id = ‘G1’", "‘"),
        ('id = "G1”', "”"),
        ("“id” = 1", "“"),
        ('id ＝ "G1"', "＝"),
        ('ways = ["card"， "pin"]', "，"),
        ("［link］", "［"),
    ],
)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_chinese_marks_are_told_to_be_none_of_tomls(line: str, mark: str, end: str, tmp_path: Path) -> None:
    path = tmp_path / "agent.toml"
    path.write_bytes(end.join(["[gateway]", 'zone = "“中文”"', line, ""]).encode())
    with pytest.raises(Problem) as caught:
        load_config(path)
    assert (caught.value.code, caught.value.fields) == ("config.typographic", {"line": 3, "mark": mark})


def test_quotes_inside_a_text_are_not_blamed_for_another_mistake(tmp_path: Path) -> None:
    path = tmp_path / "agent.toml"
    path.write_text("[gateway]\nid = “\n".replace("“", "yes # “北门”"), "utf-8")
    with pytest.raises(Problem) as caught:
        load_config(path)
    assert caught.value.code == "config.not_toml"


def test_a_number_out_of_bounds_is_told_in_words(write: Callable[[str], Path]) -> None:
    """“Expected `int` >= 0” stood in the Chinese output."""
    text = GOOD.replace("relay = 0, exit = 0 }", 'relay = 0, lines = { relay = -1, contact = "" } }')
    said = {problem.at: problem.text("zh") for problem in problems(write(text))}
    assert said["door[0].gate.lines.relay"].endswith("`relay` 必须 ≥ 0")
    assert said["door[0].gate.lines.contact"].endswith("`contact` 的长度必须 ≥ 1")
