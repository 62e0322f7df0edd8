"""Which readers may share a bus, without a bus."""

import subprocess
import sys

import pytest

from edge_agent.drivers.osdp_readers import check_readers
from edge_agent.drivers.profiles import load_profile
from edge_agent.errors import EdgeAgentError
from edge_agent.model.site import Terminal


def reader(address: int, name: str = "in") -> Terminal:
    return Terminal(name=name, profile="readers/osdp-generic", link="l", door="d", address=address)


def test_every_address_from_0_to_126_is_good_once() -> None:
    check_readers([(reader(address), load_profile("readers/osdp-generic")) for address in range(127)])


@pytest.mark.parametrize(
    ("addresses", "wrong"), [((-1,), "address -1"), ((127,), "address 127"), ((0, 3, 3), "address 3")]
)
def test_a_wrong_or_taken_address_is_named(addresses: tuple[int, ...], wrong: str) -> None:
    with pytest.raises(EdgeAgentError, match=wrong):
        check_readers([(reader(address), load_profile("readers/osdp-generic")) for address in addresses])


def test_a_reader_of_another_kind_is_refused() -> None:
    with pytest.raises(EdgeAgentError, match="OSDP"):
        check_readers([(reader(1), load_profile("readers/text-stx"))])


def test_checking_does_not_load_the_library() -> None:
    code = "import sys, edge_agent.drivers.osdp_readers, edge_agent.drivers.gate; sys.exit('osdp' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
