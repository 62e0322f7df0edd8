"""Which readers may share an OSDP bus. Needs neither the bus nor its library, so a configuration can be checked."""

from collections.abc import Iterable

from edge_agent.errors import EdgeAgentError
from edge_agent.model.profile import Osdp, Profile
from edge_agent.model.site import Terminal


def check_readers(readers: Iterable[tuple[Terminal, Profile]]) -> None:
    """The readers of one link. Raises EdgeAgentError when a profile is not for OSDP or an address is wrong or taken."""
    addresses: set[int] = set()
    for terminal, profile in readers:
        if not isinstance(profile.framing, Osdp):
            raise EdgeAgentError("devices.wrong_profile", device=terminal.name, profile=profile.id, wanted="OSDP")
        if not 0 <= terminal.address <= 126 or terminal.address in addresses:
            raise EdgeAgentError("devices.osdp_address", terminal=terminal.name, address=terminal.address)
        addresses.add(terminal.address)
