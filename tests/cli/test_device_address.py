"""Giving a board another address, as an installer does it: against pymodbus' server and our own devices."""

from pathlib import Path

import pytest

from edge_agent.drivers.link import open_link
from edge_agent.drivers.modbus_wire import Answer, answer_in, read
from edge_agent.model.registers import RegisterRead
from edge_agent.words import LANGUAGES
from tests.cli.bench import Bench
from tests.drivers.rig import simulated
from tests.drivers.test_modbus_counterparts import pymodbus_board
from tests.waiting import until

COILS = RegisterRead(name="relays", function=1, address=0, count=8)
TWO_BOARDS = """\
[[link]]
name = "bus"
url = "sim://bus"
[[door]]
name = "south"
gate = { link = "bus", profile = "gates/waveshare-8d", relay = 1 }
"""


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    made = Bench(tmp_path)
    path = tmp_path / "agent.toml"
    path.write_text(path.read_text() + TWO_BOARDS)
    return made


def answers(bench: Bench, unit: int) -> bool:
    port, request, heard = open_link("sim://bus", bench.sim), read(unit, COILS), bytearray()
    try:
        port.write(request.frame)

        def come() -> bool:
            heard.extend(port.read())
            return isinstance(answer_in(bytes(heard), request), Answer)

        until(come, 1.0)
    except AssertionError:
        return False
    finally:
        port.close()
    return True


def test_a_board_of_pymodbus_moves_after_a_y(bench: Bench) -> None:
    asking = ("device", "address", "bus", "--profile", "gates/waveshare-8d", "--to", 5)
    with pymodbus_board(bench.sim / "bus"):
        status, said = bench.run(*asking, said="n\n")
        assert (status, "nothing was changed" in said) == (1, True), said
        assert answers(bench, 1)
        status, said = bench.run(*asking, said="y\n")
        assert status == 0, said
        assert "address = 5 into the gate of: south" in said
        assert answers(bench, 5)
        assert not answers(bench, 1)


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("gates/waveshare-8", "--to", 3), {"en": "somebody answers at address 3", "zh": "地址 3 已有设备应答"}),
        (("gates/waveshare-8", "--from", 9, "--to", 4), {"en": "nobody answers at address 9", "zh": "地址 9"}),
        (("gates/waveshare-8", "--to", 1), {"en": "has the address 1 already", "zh": "已经是 1"}),
        (("gates/waveshare-8", "--to", 250), {"en": "1 to 247", "zh": "247"}),
        (("gates/r4d-8", "--to", 4), {"en": "switches", "zh": "拨码"}),
        (("readers/text-stx", "--to", 4), {"en": "switches", "zh": "拨码"}),
        (("gates/waveshare-8", "--from", 1, "--to", 4, "--broadcast"), {"en": "leave --from out", "zh": "去掉"}),
    ],
)
def test_mistakes_change_nothing_and_say_what_to_do(
    bench: Bench, arguments: tuple[object, ...], words: dict[str, str], lang: str
) -> None:
    with simulated("modbus_board", bench.sim / "bus", "--unit", "1=waveshare", "--unit", "3=waveshare") as board:
        status, said = bench.run("device", "address", "bus", "--profile", *arguments, "--yes", lang=lang)
        assert status == 1
        assert words[lang] in said, said
        assert board.said("moved") == []


def test_a_board_of_lc_tech_gets_its_first_address_and_its_neighbour_keeps_its_own(bench: Bench) -> None:
    with simulated("modbus_board", bench.sim / "bus", "--unit", "255=lctech", "--unit", "7=lctech") as board:
        status, said = bench.run("device", "address", "bus", "--profile", "gates/lctech-8", "--to", 2, "--yes")
        assert status == 0, said
        assert board.said("moved") == [2]
        assert 'profile = "gates/lctech-8", address = 2' in said.replace("\n  ", " ")
        assert answers(bench, 7)


def test_a_board_that_takes_it_as_a_broadcast(bench: Bench) -> None:
    with simulated("modbus_board", bench.sim / "bus", "--unit", "17=waveshare") as board:
        arguments = ("device", "address", "bus", "--profile", "gates/waveshare-8", "--to", 4, "--broadcast")
        status, said = bench.run(*arguments, said="y\n")
        assert status == 0, said
        assert "EVERY board" in said
        assert board.said("moved") == [4]


def test_a_board_that_does_not_move_is_told(bench: Bench) -> None:
    with simulated("modbus_board", bench.sim / "bus", "--unit", "1=sensor") as board:
        board.tell("register", unit=1, address=0, value=0)
        status, said = bench.run("device", "address", "bus", "--profile", "gates/waveshare-8", "--to", 4, "--yes")
        assert status == 1
        assert "still answers at 1" in said, said
