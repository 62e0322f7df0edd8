"""`edge-agent device` on links of every kind: relay boards, OSDP outputs, GPIO chips, terminals that call, a desk."""

import json
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import time

import pytest

from edge_agent.sim.broker import free_port
from edge_agent.words import LANGUAGES
from tests.cli.bench import CONFIG, Bench
from tests.drivers.rig import simulated

KEY = "00112233445566778899aabbccddeeff"
MORE = """
[[link]]
name = "bus"
url = "sim://bus"
[[link]]
name = "rs485"
url = "sim://rs485"
[[link]]
name = "pins"
url = "gpio:///dev/gpiochip97"
[[link]]
name = "face-lan"
url = "push://127.0.0.1:PORT"
[[link]]
name = "desk-line"
url = "sim://desk"
[[door]]
name = "yard"
gate = { link = "bus", profile = "gates/waveshare-8d", relay = 0, contact = 0, exit = 1 }
release_s = 0.5
[[door]]
name = "annex"
gate = { link = "rs485", profile = "gates/osdp-io", address = 1, relay = 0 }
release_s = 0.5
ways = [["card"], ["face"]]
[[door]]
name = "store"
gate = { link = "pins", profile = "gates/gpio-direct", lines = { relay = 1 } }
[[terminal]]
name = "annex-in"
profile = "readers/osdp-generic"
link = "rs485"
address = 1
key_file = "annex.key"
door = "annex"
[[terminal]]
name = "annex-face"
profile = "terminals/face-push-list"
link = "face-lan"
secret_file = "face.secret"
door = "annex"
[[sensor]]
name = "vapour"
profile = "sensors/vapour-lel"
link = "bus"
address = 3
[[desk]]
name = "reception"
profile = "id-readers/sdt"
link = "desk-line"
"""


class Kinds(Bench):
    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.port = free_port()
        (folder / "agent.toml").write_text(CONFIG + MORE.replace("PORT", str(self.port)))
        (folder / "annex.key").write_text(KEY)
        (folder / "face.secret").write_text("sixteen characters\n")


@pytest.fixture
def bench(tmp_path: Path) -> Kinds:
    return Kinds(tmp_path)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_list_knows_who_is_on_links_of_every_kind(lang: str, bench: Kinds) -> None:
    status, said = bench.run("device", "list", lang=lang, narrow=True)
    assert status == 0, said
    assert f"push://127.0.0.1:{bench.port}" in said
    assert "annex-face (annex)" in said
    assert "/dev/gpiochip97" in said
    document = json.loads(bench.run("device", "list", "--json")[1])
    missing = {one["link"]: one["users"] for one in document["missing"]}
    assert missing["pins"] == ["store"]
    assert missing["bus"] == ["yard", "vapour"]
    assert missing["desk-line"] == ["reception"]
    assert [one["users"] for one in document["network"]] == [["annex-face (annex)"]]


@pytest.mark.parametrize("port", ["pins", "face-lan"])
@pytest.mark.parametrize("command", ["sniff", "probe"])
def test_what_is_no_line_of_bytes_is_said(command: str, port: str, bench: Kinds) -> None:
    status, said = bench.run("device", command, port)
    assert (status, "no line for bytes" in said) == (1, True), said


def test_a_door_on_a_modbus_line_is_tried_alone(bench: Kinds) -> None:
    with simulated("modbus_board", bench.sim / "bus", "--unit", "1=waveshare") as board:
        status, said = bench.run("device", "test", "yard", "--yes")
        assert status == 0, said
        assert "relay on" in said
        assert [on for on in (line["on"] for line in board.lines if line.get("relay") == 0)][:1] == [True]


def test_a_door_behind_a_readers_own_output_is_tried_under_the_readers_key(bench: Kinds) -> None:
    with simulated("osdp_board", bench.sim / "rs485", "--outputs", "1", "--key", KEY) as board:
        status, said = bench.run("device", "test", "annex", "--yes")
        assert status == 0, said
        assert "relay on" in said
        assert board.said("output")


@contextmanager
def calling(port: int) -> Iterator[None]:
    """A face terminal that reports somebody again and again."""
    stop = threading.Event()

    def call() -> None:
        number = 0
        while not stop.wait(0.2):
            number += 1
            seen = {
                "FaceInfoList": [{"Timestamp": int(time())}],
                "LibMatInfoNum": 0,
                "LibMatInfoList": [],
                "Seq": number,
            }
            ask = urllib.request.Request(
                f"http://127.0.0.1:{port}/annex-face", json.dumps(seen).encode(),
                {"Content-Type": "application/json", "X-Token": "sixteen characters"},
            )  # fmt: skip
            try:
                urllib.request.urlopen(ask, timeout=2).close()
            except OSError:
                continue  # nobody listens yet, or any more

    thread = threading.Thread(target=call)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def test_a_terminal_that_calls_is_tried_with_what_it_reports(bench: Kinds) -> None:
    with calling(bench.port):
        status, said = bench.run("device", "test", "annex-face", "--yes")
    assert status == 0, said


def test_a_door_on_a_chip_that_is_not_there_says_so(bench: Kinds) -> None:
    status, said = bench.run("device", "test", "store", "--yes")
    assert (status, "gpiochip97" in said) == (1, True), said


@pytest.mark.parametrize(
    ("value", "status", "said"),
    [
        (30, 0, {"en": "measures flammable vapour 3 %LEL: normal", "zh": "测得 可燃蒸气 3 %LEL：正常"}),
        (300, 0, {"en": "measures flammable vapour 30 %LEL: alarm", "zh": "警报"}),
        (65535, 1, {"en": "cannot be believed", "zh": "不可信"}),
    ],
)
def test_a_sensor_says_what_it_measures(bench: Kinds, value: int, status: int, said: dict[str, str]) -> None:
    with simulated("modbus_board", bench.sim / "bus", "--unit", "3=sensor") as board:
        board.tell("register", unit=3, address=0, value=value)
        for lang, words in said.items():
            got, heard = bench.run("device", "test", "vapour", lang=lang)
            assert (got, words in heard) == (status, True), heard


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_desk_reads_an_id_card_and_shows_no_more_of_it_than_a_mask(bench: Kinds, lang: str) -> None:
    with simulated("sdt_reader", bench.sim / "desk-line") as reader:
        card = {"name": "张三", "number": "11010519491231002X", "birth": "19491231", "from": "20200101"}
        reader.tell("put", **card, until="长期")
        path = bench.folder / "agent.toml"
        path.write_text(path.read_text().replace("sim://desk", "sim://desk-line"))
        status, said = bench.run("device", "test", "reception", lang=lang, narrow=True)
        assert (status, "110105**********2X" in said) == (0, True), said
        assert "张三" not in said
        reader.tell("take")
        status, said = bench.run("device", "test", "reception", "--card-within", "1s", lang=lang)
        assert status == 1, said


def test_a_desk_that_is_not_there_is_said(bench: Kinds) -> None:
    status, said = bench.run("device", "test", "reception", "--card-within", "2s")
    assert (status, "cable" in said or "sim/desk" in said) == (1, True), said
