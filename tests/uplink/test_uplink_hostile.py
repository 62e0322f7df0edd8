"""A sample of `make fuzz-uplink`: nothing hostile opens, crashes, goes unsaid or fills anything."""

import asyncio

import pytest

from edge_agent.flows.refusals import REFUSALS_A_MINUTE
from tests.uplink.hostile import BATCH, play


@pytest.mark.parametrize("seed", [1, 2])
def test_hostile_commands_open_nothing_and_each_is_refused(seed: int) -> None:
    print(f"seed {seed}")
    report = asyncio.run(play(3000, seed))
    assert report.openings == 0
    assert report.good_acks == 0
    assert report.refused >= report.commands
    minutes = report.commands / BATCH / 60 + 1
    assert 0 < report.events <= minutes * (REFUSALS_A_MINUTE + 1)
