"""From the default key to one's own, through the real library: against its peripheral and a device written by hand."""

import stat
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from edge_agent.cli.osdp_provision import command
from edge_agent.drivers.osdp_provision import provision
from edge_agent.errors import DeviceUnavailable, EdgeAgentError
from tests.drivers.osdp_rig import OsdpBench
from tests.drivers.rig import simulated, with_job
from tests.waiting import in_time

KEY = "0102030405060708090a0b0c0d0e0f10"


def quick(folder: Path, told: Callable[[str], None] = lambda code: None, within_s: float = 20.0) -> Path:
    key_file = folder / "own.key"
    provision("sim://bus", folder, 1, key_file, told, within_s=within_s)
    return key_file


@pytest.mark.parametrize("device", ["reader", "osdp_board"])
def test_a_new_device_gets_a_key_that_is_then_the_only_one(tmp_path: Path, device: str) -> None:
    told: list[str] = []
    with simulated(device, tmp_path / "bus") as new:
        key_file = quick(tmp_path, told.append)
        assert told == ["devices.osdp_waiting", "devices.osdp_setting", "devices.osdp_verifying"]
        assert stat.S_IMODE(key_file.stat().st_mode) == 0o600
        key = key_file.read_text().strip()
        assert len(bytes.fromhex(key)) == 16
        assert [path.name for path in tmp_path.iterdir() if path.suffix == ".new"] == []
        if device == "osdp_board":
            assert new.said("keyset") == [True]
            bench = OsdpBench(tmp_path, new, (1,), ())
            bench.bus._stations[0].key = bytes.fromhex(key)
            with_job(bench.run, lambda: _a_card(bench))
        (tmp_path / "own.key").rename(tmp_path / "first.key")
        with pytest.raises(EdgeAgentError, match="refuses the default key"):
            quick(tmp_path)
        assert not (tmp_path / "own.key.new").exists()


async def _a_card(bench: OsdpBench) -> None:
    await bench.usable()
    await bench.fresh(1)


def test_keys_are_made_by_the_system_s_random_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("secrets.token_bytes", lambda count: bytes.fromhex(KEY)[:count])
    with simulated("osdp_board", tmp_path / "bus"):
        assert quick(tmp_path).read_text().strip() == KEY


def test_when_the_time_is_over_it_ends_and_leaves_nothing(tmp_path: Path) -> None:
    with simulated("osdp_board", tmp_path / "bus") as device:
        device.tell("silent", on=True)
        began = time.monotonic()
        with pytest.raises(EdgeAgentError, match="time is over"):
            quick(tmp_path, within_s=1.0)
        in_time(began, 5.0)
        assert [path for path in tmp_path.iterdir() if "key" in path.name] == []


def test_a_key_that_may_have_reached_the_device_is_kept_and_taken_again(tmp_path: Path) -> None:
    """The answer to KEYSET is lost and the time runs out: whatever the device made of it, the key is on disk."""
    with simulated("osdp_board", tmp_path / "bus") as device:
        device.tell("lose", code=0x75, times=100)
        with pytest.raises(EdgeAgentError, match="may have the new key"):
            quick(tmp_path, within_s=1.5)
        pending = (tmp_path / "own.key.new").read_text()
        assert stat.S_IMODE((tmp_path / "own.key.new").stat().st_mode) == 0o600
        device.tell("lose", code=0x75, times=-100)
        assert quick(tmp_path).read_text() == pending


def test_a_key_file_is_never_overwritten_and_a_port_never_shared(tmp_path: Path) -> None:
    (tmp_path / "own.key").write_text(KEY)
    with pytest.raises(EdgeAgentError, match="not overwritten"):
        quick(tmp_path)
    (tmp_path / "own.key").unlink()
    with pytest.raises(DeviceUnavailable, match="is not there"):
        quick(tmp_path)


def test_the_command_says_what_it_does_in_words(tmp_path: Path) -> None:
    with simulated("osdp_board", tmp_path / "bus"):
        done = CliRunner().invoke(
            command, [str(tmp_path / "k/own.key"), "--link", "sim://bus", "--address", "1", "--sim-dir", str(tmp_path)]
        )
    assert done.exit_code == 0, done.output
    assert "installation mode" in done.output
    assert (tmp_path / "k/own.key").read_text().strip() not in done.output
