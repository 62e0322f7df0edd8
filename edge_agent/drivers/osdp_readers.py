"""What may share an OSDP bus. Needs neither the bus nor its library, so a configuration can be checked."""

from collections.abc import Iterable
from pathlib import Path

from edge_agent.errors import EdgeAgentError, locked
from edge_agent.model.profile import Osdp, Profile
from edge_agent.model.site import Door, Terminal

_INPUTS = ("contact", "exit", "fire", "panic", "tamper")
_SCBK_D = bytes(range(0x30, 0x40))  # every device leaves the factory with it
_NUMBER_AT_MOST = 63  # a status report holds 64


def check_readers(readers: Iterable[tuple[Terminal, Profile]]) -> None:
    """The readers of one link. Raises EdgeAgentError when a profile is not for OSDP or an address is wrong or taken."""
    addresses: set[int] = set()
    for terminal, profile in readers:
        if not isinstance(profile.framing, Osdp):
            raise EdgeAgentError("devices.wrong_profile", device=terminal.name, profile=profile.id, wanted="OSDP")
        if not 0 <= terminal.address <= 126 or terminal.address in addresses:
            raise EdgeAgentError("devices.osdp_address", terminal=terminal.name, address=terminal.address)
        addresses.add(terminal.address)


def check_osdp_gate(door: Door, profile: Profile) -> None:
    """Raises EdgeAgentError when the profile is no OSDP gate's, a number or the address is wrong, or the board has no
    such input. Opens nothing; how many outputs and inputs a device has, it says itself.
    """
    if profile.kind != "gate" or profile.gate is None or not isinstance(profile.framing, Osdp):
        raise EdgeAgentError("devices.wrong_profile", device=door.name, profile=profile.id, wanted="an OSDP gate")
    binding = door.gate
    if not 0 <= (binding.address or 0) <= 126:
        raise EdgeAgentError("devices.osdp_address", terminal=door.name, address=binding.address)
    for name in ("relay", *_INPUTS):
        number = getattr(binding, name)
        if number is not None and not 0 <= number <= _NUMBER_AT_MOST:
            raise EdgeAgentError("devices.osdp_number", door=door.name, input=name, number=number)
        if number is not None and name not in profile.provides:
            raise EdgeAgentError("devices.gate_lacks", door=door.name, profile=profile.id, input=name)
    if binding.supervised and "supervised" not in profile.provides:
        raise EdgeAgentError("devices.gate_lacks", door=door.name, profile=profile.id, input="supervised")


def osdp_key(path: Path) -> bytes:
    """The 16-byte secure channel base key in `path`. Raises EdgeAgentError with the remedy."""
    try:
        key = bytes.fromhex(path.read_text("utf-8-sig").strip())
    except FileNotFoundError:
        raise EdgeAgentError("config.key_missing", path=path, remedy=f"`edge-agent keys osdp {path}`") from None
    except PermissionError:
        raise EdgeAgentError("config.file_locked", **locked(path)) from None
    except (OSError, ValueError):
        raise EdgeAgentError("config.bad_key", path=path) from None
    if len(key) != 16:
        raise EdgeAgentError("config.bad_key", path=path)
    if key == _SCBK_D:
        raise EdgeAgentError("config.default_key", path=path)
    return key
