"""Golden frames of a Modbus profile: requests are built anew, answers decoded whole, byte by byte and amid garbage."""

from collections.abc import Iterable

from edge_agent.drivers.modbus_wire import Answer, Request, answer_in, read, write
from edge_agent.errors import Problem
from edge_agent.model.profile import Example, Modbus, Profile
from edge_agent.protocols.registers import mask_of, read_form, write_form

_NOISE = bytes.fromhex("00 FF 11 9A 7E")


def modbus_examples(profile: Profile, file: str) -> list[Problem]:
    problems: list[Problem] = []
    for index, example in enumerate(profile.example):
        check = _decodes if example.gives is not None else _encodes
        problems += check(profile, example, file, f"example[{index}]")
    return problems


def _encodes(profile: Profile, example: Example, file: str, at: str) -> Iterable[Problem]:
    values, wanted = dict(example.made_from or {}), bytes.fromhex(example.bytes)
    got = _request(profile, values).frame
    if got != wanted:
        yield Problem(file, at, "devices.profile_example", how="encode", got=got.hex(" "), wanted=wanted.hex(" "))


def _request(profile: Profile, values: dict[str, str | int]) -> Request:
    assert isinstance(profile.framing, Modbus)
    name, unit = str(values["command" if "command" in values else "message"]), int(values.get("address", 1))
    if (reading := read_form(profile, name)) is not None:
        return read(unit, reading)
    writing = write_form(profile, name)
    assert writing is not None  # the form of the examples was judged before
    tenths, to = int(values.get("tenths", 0)), int(values.get("to", 0))
    return write(unit, writing, int(values.get("relay", 0)), tenths / 10, to)


def _decodes(profile: Profile, example: Example, file: str, at: str) -> Iterable[Problem]:
    values, frame = dict(example.gives or {}), bytes.fromhex(example.bytes)
    request = _request(profile, values)
    wanted = int(values["mask"]) if "mask" in values else int(values.get("value", -1))
    feeds = {
        "whole": frame,
        "after our own echo": request.frame + frame,
        "garbage before and after": _NOISE + frame + _NOISE,
        "twice": frame + frame,
    }
    for how, heard in feeds.items():
        if (got := _meaning(heard, request, "mask" in values)) != wanted:
            yield Problem(file, at, "devices.profile_example", how=how, got=got, wanted=wanted)
            return
    for length in range(len(frame)):
        if (got := _meaning(frame[:length], request, "mask" in values)) is not None:
            yield Problem(file, at, "devices.profile_example", how=f"{length} bytes", got=got, wanted="nothing")
            return


def _meaning(heard: bytes, request: Request, mask: bool) -> int | None:
    match answer_in(heard, request):
        case Answer(values):
            return mask_of(values) if mask else values[0]
        case _:
            return None
