"""What must fit in a Modbus profile beyond its form: functions, counts, timers, thresholds, golden examples."""

from collections import Counter
from collections.abc import Iterable
from itertools import pairwise

from edge_agent.errors import Problem
from edge_agent.model.profile import Profile
from edge_agent.model.registers import RegisterRead, RegisterWrite, SensorTraits
from edge_agent.protocols.registers import longest_s, read_form, write_form

_BITS_AND_REGISTERS = {"relays": (1, 3), "inputs": (2, 3, 4), "value": (3, 4)}
_STATES = {"closed", "open", "cut", "shorted"}


def modbus_sense(profile: Profile, file: str) -> list[Problem]:
    """Needs no library: the daemon judges every profile it loads."""
    problems: list[Problem] = []
    for key, names in (("read", [f.name for f in profile.read]), ("write", [f.name for f in profile.write])):
        twice = [name for name, count in Counter(names).items() if count > 1]
        problems += [Problem(file, key, "devices.profile_twice", name=name) for name in twice]
    if profile.message or profile.command or profile.feedback:
        problems.append(Problem(file, "message", "devices.profile_not_here", what="message, command, feedback"))
    for key in ("card_bits", "wiegand", "buffered_keys"):
        if getattr(profile, key):
            problems.append(Problem(file, key, "devices.profile_not_here", what=key))
    for index, form in enumerate(profile.read):
        if form.function not in (known := _BITS_AND_REGISTERS[form.name]):
            problems.append(_function(file, f"read[{index}].function", form, known))
    match profile.kind:
        case "gate":
            problems += _gate(profile, file)
        case "sensor":
            problems += _sensor(profile, file)
        case other:
            problems.append(Problem(file, "kind", "devices.profile_not_here", what=f"kind = {other}"))
    return problems + list(_shown(profile, file))


def _gate(profile: Profile, file: str) -> Iterable[Problem]:
    relays, gate = profile.relays, profile.gate
    if relays is None or gate is None:
        yield _needs(file, profile, "relays" if relays is None else "gate")
        return
    read = read_form(profile, "relays")
    if read is None:
        yield _needs(file, profile, "read relays")
    elif read.count != relays.count:
        yield Problem(file, "read", "devices.profile_count", what="relays", count=read.count, wanted=relays.count)
    if set(profile.provides) & {"contact", "exit", "fire", "panic", "tamper"} and read_form(profile, "inputs") is None:
        yield _needs(file, profile, "read inputs")
    names = ["on", "off", "pulse_on"] + (["pulse_off"] if relays.fail == "safe" else [])
    for name in names:
        if write_form(profile, name) is None:
            yield _needs(file, profile, f"write {name}")
    for index, form in enumerate(profile.write):
        yield from _write(form, f"write[{index}]", gate.max_pulse_s, file)


def _write(form: RegisterWrite, at: str, max_pulse_s: float, file: str) -> Iterable[Problem]:
    timed = sum(word.plus in ("tenths", "seconds") for word in form.words)
    addressed = sum(word.plus == "address" for word in form.words)
    if addressed != (form.name == "set_address"):
        yield Problem(file, f"{at}.words", "devices.profile_address_word")
    if timed != form.name.startswith("pulse"):
        yield Problem(file, f"{at}.words", "devices.profile_pulse")
    elif timed and max_pulse_s > longest_s(form):
        limit = longest_s(form)
        yield Problem(file, "gate.max_pulse_s", "devices.profile_pulse_long", wanted=max_pulse_s, limit=limit)
    if form.function in (5, 6) and len(form.words) != 1:
        yield Problem(file, f"{at}.words", "devices.profile_count", what="words", count=len(form.words), wanted=1)
    if timed and form.function == 15:
        yield _function(file, f"{at}.function", form, (5, 6, 16))
    for word in form.words:
        if word.plus is not None and word.value + word.most > 0xFFFF:
            yield Problem(file, f"{at}.words", "devices.profile_count", what="most", count=word.most, wanted=0xFFFF)


def _sensor(profile: Profile, file: str) -> Iterable[Problem]:
    traits = profile.sensor
    if traits is None:
        yield _needs(file, profile, "sensor")
        return
    if (form := read_form(profile, "value")) is None:
        yield _needs(file, profile, "read value")
    elif form.count != 1:
        yield Problem(file, "read", "devices.profile_count", what="value", count=form.count, wanted=1)
    if profile.write:
        yield Problem(file, "write", "devices.profile_not_here", what="write")
    if (traits.measures == "loop") != bool(traits.band) or not (traits.band or traits.alarm or traits.warning):
        yield _needs(file, profile, "sensor.band" if traits.measures == "loop" else "sensor.alarm")
    if traits.band:
        yield from _bands(traits, file)
    for threshold in (traits.warning, traits.alarm):
        if threshold is not None and threshold.clear >= threshold.at:
            yield Problem(file, "sensor", "devices.profile_levels")
    if traits.warning and traits.alarm and not traits.warning.at < traits.alarm.at:
        yield Problem(file, "sensor", "devices.profile_levels")


def _bands(traits: SensorTraits, file: str) -> Iterable[Problem]:
    bands = sorted(traits.band, key=lambda band: band.low)
    apart = all(one.high < two.low for one, two in pairwise(bands))
    ordered = all(band.low <= band.high for band in bands)
    if not (apart and ordered) or {band.state for band in bands} != _STATES or len(bands) != len(_STATES):
        yield Problem(file, "sensor.band", "devices.profile_bands")


def _shown(profile: Profile, file: str) -> Iterable[Problem]:
    """Each reading has an answer as an example, each write its request."""
    reads, writes = {form.name for form in profile.read}, {form.name for form in profile.write}
    shown: set[str] = set()
    for index, example in enumerate(profile.example):
        given, made = example.gives, example.made_from
        name = str((given or {}).get("message") or (made or {}).get("command"))
        if (given is None) == (made is None) or name not in (reads if given is not None else reads | writes):
            yield Problem(file, f"example[{index}]", "devices.profile_example_form")
        elif given is not None or name in writes:
            shown.add(name)
    for name in sorted((reads | writes) - shown):
        yield Problem(file, "example", "devices.profile_no_example", name=name)


def _function(file: str, at: str, form: RegisterRead | RegisterWrite, known: tuple[int, ...]) -> Problem:
    can = ", ".join(map(str, known))
    return Problem(file, at, "devices.profile_function", name=form.name, function=form.function, known=can)


def _needs(file: str, profile: Profile, what: str) -> Problem:
    return Problem(file, what.split(maxsplit=1)[0], "devices.profile_needs", kind=profile.kind, what=what)
