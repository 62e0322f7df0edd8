"""What the form of a profile cannot say: that its parts fit each other."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from edge_agent.errors import Problem
from edge_agent.model.gpio import INPUTS
from edge_agent.model.profile import (
    Delimited,
    Feedback,
    Fixed,
    Gpio,
    HttpPush,
    Idle,
    MessageForm,
    Modbus,
    Nmea,
    Osdp,
    Profile,
    SyncLength,
)
from edge_agent.protocols.checksum import Seal
from edge_agent.protocols.fields import MAY_BE_EMPTY
from edge_agent.protocols.wiegand import FORMATS, Format, format_of

_MESSAGE_FOR = {"card": "card", "keypad": "keys", "qr": "code", "face": "face", "id-document": "person"}
_FIELDS_FOR = {"card": ("number",), "keys": ("keys",), "code": ("text",), "face": ("person",)}
_PERSON = ("name", "birth", "number", "valid_from", "valid_until")
_ID_COMMANDS = ("find", "select", "read")
_NO_LENGTH = ("ascii-dec", "bcd", "dec-number", "hex-number", "uint-le", "uint-be")  # a number of how many bits?


def sense(profile: Profile, path: Path) -> list[Problem]:
    file = str(path)
    wanted = f"{path.parent.name}/{path.stem}"
    problems = [] if profile.id == wanted else [Problem(file, "id", "devices.profile_id", wanted=wanted)]
    for key, names in (
        ("message", [form.name for form in profile.message]),
        ("command", [form.name for form in profile.command]),
        ("feedback", [name for feedback in profile.feedback for name in _shown_at(feedback)]),
        ("wiegand", [form.name for form in profile.wiegand]),
    ):
        twice = (name for name, count in Counter(names).items() if count > 1)
        problems += [Problem(file, key, "devices.profile_twice", name=name) for name in twice]
    match profile.framing:
        case Osdp():
            problems += _osdp(profile, file)
        case Nmea():
            problems += _nmea(profile, file)
        case Modbus():
            from edge_agent.drivers.modbus_profile import modbus_sense

            return [*problems, *modbus_sense(profile, file)]
        case Gpio() | HttpPush():
            return [*problems, *_not_bytes(profile, file), *_no_registers(profile, file)]
        case Delimited() | SyncLength() | Fixed() | Idle():
            problems += [*_framing(profile, file), *_needed(profile, file), *_forms(profile, file)]
    problems += [*_wiegand(profile, file), *_no_registers(profile, file)]
    cards = profile.kind == "terminal" and "card" in profile.provides
    if cards and not profile.card_bits and not profile.wiegand:
        problems.append(_needs(file, "card_bits", profile))
    problems += _example_forms(profile, file)
    return problems


def _framing(profile: Profile, file: str) -> Iterable[Problem]:
    seal = Seal(profile.checksum)
    match profile.framing:
        case Delimited(start=None) if seal.size:
            yield Problem(file, "checksum.kind", "devices.profile_not_here", what="checksum")
        case Delimited(start=start, end=end, ignore=ignore) if start is not None:
            ends = {"crlf": (13, 10), "line": (13, 10)}.get(str(end), (end,))
            if start in ends:
                yield Problem(file, "framing.end", "devices.profile_marks")
            if ignore:
                yield Problem(file, "framing.ignore", "devices.profile_not_here", what="ignore")
        case SyncLength() as framing if not seal.size and framing.end is None and framing.gap_ms is None:
            yield Problem(file, "framing", "devices.profile_lost", what="gap_ms")
        case Fixed() as framing:
            around = len(framing.header) + seal.size + (framing.end is not None)
            if framing.length <= around:
                yield Problem(file, "framing.length", "devices.profile_too_short", least=around + 1)
            if framing.length > 1 and around == 0 and framing.gap_ms is None:
                yield Problem(file, "framing", "devices.profile_lost", what="gap_ms")
    if profile.checksum.over == "length" and not isinstance(profile.framing, SyncLength):
        yield Problem(file, "checksum.over", "devices.profile_not_here", what="over = length")
    if profile.checksum.over == "frame" and isinstance(profile.framing, Idle):
        yield Problem(file, "checksum.over", "devices.profile_not_here", what="over = frame")


def _shown_at(feedback: Feedback) -> list[str]:
    return [f"{feedback.when} {reason}" for reason in feedback.because] or [feedback.when]


def _screen(profile: Profile, file: str) -> Iterable[Problem]:
    """A terminal's screen takes the words in Chinese, in English, or both."""
    for index, form in enumerate(profile.command):
        if profile.kind == "terminal" and form.name == "screen":
            for position, field in enumerate(form.fields):
                if field.name not in ("zh", "en"):
                    at = f"command[{index}].fields[{position}].name"
                    yield Problem(file, at, "devices.profile_not_here", what=field.name)


def _needed(profile: Profile, file: str) -> Iterable[Problem]:
    """Messages and commands the driver asks for by name."""
    provided = [_MESSAGE_FOR[name] for name in profile.provides if name in _MESSAGE_FOR]
    if profile.buffered_keys is not None:
        provided = ["card" if name == "keys" else name for name in provided]
    if profile.kind == "terminal" and not provided:
        yield _needs(file, "provides", profile, "card, keypad, qr, face")
    messages, commands = set(provided), set()
    match profile.kind:
        case "gate":
            messages, commands = {"state"}, {"pulse", "query"}
        case "id-reader":
            messages, commands = {"found", "none", "selected", "person"}, set(_ID_COMMANDS)
        case "sensor":
            yield Problem(file, "framing.kind", "devices.profile_not_here", what="kind = sensor")
    for key, names, forms in (("message", messages, profile.message), ("command", commands, profile.command)):
        for name in sorted(names - {form.name for form in forms}):
            yield _needs(file, key, profile, name)
    if profile.kind == "gate" and profile.gate is None:
        yield _needs(file, "gate", profile)
    yield from _screen(profile, file)
    for index, form in enumerate(profile.message):
        have = {field.name for field in form.fields}
        wanted = _PERSON if (profile.kind, form.name) == ("id-reader", "person") else _FIELDS_FOR.get(form.name, ())
        for name in wanted if profile.kind != "gate" else ():
            if name not in have:
                yield _needs(file, f"message[{index}].fields", profile, name)
    yield from _masks(profile, file) if profile.kind == "gate" else _numbers(profile, file)


def _numbers(profile: Profile, file: str) -> Iterable[Problem]:
    """Kinds that the credentials need."""
    for index, form in enumerate(profile.message):
        for position, field in enumerate(form.fields):
            at = f"message[{index}].fields[{position}].as"
            match form.name, field.name:
                case "card", "number" if field.kind in _NO_LENGTH and len(profile.card_bits) != 1:
                    yield _needs(file, "card_bits", profile)
                case "card", "number" if field.kind in ("text", "utf-16le", "key-4bit", "key-8bit", "unused"):
                    yield Problem(file, at, "devices.profile_not_here", what=field.kind)
                case "code", "text" if field.kind != "bytes":
                    yield Problem(file, at, "devices.profile_not_here", what=field.kind)
                case "keys", "keys" if field.kind not in ("key-4bit", "key-8bit"):
                    yield Problem(file, at, "devices.profile_not_here", what=field.kind)
                case "face", ("score" | "liveness") if field.kind not in ("dec-number", "uint-le", "uint-be"):
                    yield Problem(file, at, "devices.profile_not_here", what=field.kind)


def _forms(profile: Profile, file: str) -> Iterable[Problem]:
    for key, forms in (("message", profile.message), ("command", profile.command)):
        for index, form in enumerate(forms):
            if not _in_order(form):
                yield Problem(file, f"{key}[{index}].fields", "devices.profile_overlap")
            earlier = (other for other in forms[:index] if form.match[: len(other.match)] == other.match)
            if (hiding := next(earlier, None)) is not None and hiding.name != form.name:
                yield Problem(file, f"{key}[{index}].match", "devices.profile_hidden", name=hiding.name)
    for index, feedback in enumerate(profile.feedback):
        if feedback.led or feedback.beep or feedback.text:
            yield Problem(file, f"feedback[{index}]", "devices.profile_not_here", what="led, beep, text")


def _masks(profile: Profile, file: str) -> Iterable[Problem]:
    """The driver takes a mask for each input a gate says it has."""
    needed = ["relays", "contacts", "buttons"]
    needed += [name for name in ("fire", "panic", "tamper") if name in profile.provides]
    needed += ["cut", "shorted"] if "supervised" in profile.provides else []
    for index, form in enumerate(profile.message):
        have = {field.name for field in form.fields if field.kind == "hex-number"}
        for name in needed if form.name == "state" else ():
            if name not in have:
                yield _needs(file, f"message[{index}].fields", profile, name)


def _osdp(profile: Profile, file: str) -> Iterable[Problem]:
    if profile.message or profile.command:
        yield Problem(file, "message", "devices.profile_not_here", what="message, command")
    if profile.kind not in ("terminal", "gate"):
        yield Problem(file, "kind", "devices.profile_not_here", what=f"kind = {profile.kind}")
    if profile.kind == "gate" and profile.gate is None:
        yield _needs(file, "gate", profile)
    if profile.kind == "gate" and "supervised" in profile.provides:
        yield Problem(file, "provides", "devices.profile_not_here", what="supervised")
    if profile.gate is not None and profile.gate.max_pulse_s > 25.5:
        yield Problem(file, "gate.max_pulse_s", "devices.profile_osdp_pulse")
    for key in ("wiegand", "buffered_keys"):
        if getattr(profile, key):
            yield Problem(file, key, "devices.profile_not_here", what=key)
    for index, feedback in enumerate(profile.feedback):
        if feedback.send:
            yield Problem(file, f"feedback[{index}]", "devices.profile_not_here", what="send")


def _nmea(profile: Profile, file: str) -> Iterable[Problem]:
    if profile.message or profile.command:
        yield Problem(file, "message", "devices.profile_not_here", what="message, command")
    if profile.kind != "sensor":
        yield Problem(file, "kind", "devices.profile_not_here", what=f"kind = {profile.kind}")
    if "position" not in profile.provides:
        yield _needs(file, "provides", profile, "position")


def _not_bytes(profile: Profile, file: str) -> Iterable[Problem]:
    """GPIO lines and HTTP reports: no frames, so nothing that speaks of frames."""
    framing = profile.framing
    for key in ("message", "command", "feedback", "example", "card_bits", "wiegand", "buffered_keys"):
        if getattr(profile, key):
            yield Problem(file, key, "devices.profile_not_here", what=key)
    if isinstance(framing, Gpio):
        if profile.kind != "gate":
            yield Problem(file, "kind", "devices.profile_not_here", what=f"kind = {profile.kind}")
        elif profile.gate is None:
            yield _needs(file, "gate", profile)
        for role in INPUTS:
            if (role in profile.provides) != (getattr(framing, role) is not None):
                yield _needs(file, f"framing.{role}", profile, f"{role} here and in provides")
    elif isinstance(framing, HttpPush):
        if profile.kind != "terminal":
            yield Problem(file, "kind", "devices.profile_not_here", what=f"kind = {profile.kind}")
        if framing.body == "multipart" and framing.part is None:
            yield _needs(file, "framing.part", profile)
        if "card" in profile.provides and framing.card is None:
            yield _needs(file, "framing.card", profile)
        if framing.by is not None and framing.card is None:
            yield Problem(file, "framing.by", "devices.profile_not_here", what="by")


def _no_registers(profile: Profile, file: str) -> Iterable[Problem]:
    for key in ("read", "write", "relays", "sensor"):
        if getattr(profile, key):
            yield Problem(file, key, "devices.profile_not_here", what=key)


def _wiegand(profile: Profile, file: str) -> Iterable[Problem]:
    for index, table in enumerate(profile.wiegand):
        form, at = format_of(table), f"wiegand[{index}]"
        if form is None:
            yield Problem(file, at, "devices.profile_wiegand", known=", ".join(FORMATS))
            continue
        if table.bits is None and (table.parity or table.facility or table.number):
            yield Problem(file, f"{at}.bits", "devices.profile_wiegand", known=", ".join(FORMATS))
        spans = [form.number, *(() if form.facility is None else (form.facility,))]
        spans += [span for parity in form.parity for span in (*parity.over, (parity.bit, parity.bit))]
        if any(not first <= last < form.bits for first, last in spans):
            yield Problem(file, at, "devices.profile_span", bits=form.bits)
        if _shared(form):
            yield Problem(file, at, "devices.profile_span_shared")
        if form.swapped and (form.number[1] - form.number[0] + 1) % 8:
            yield Problem(file, f"{at}.swapped", "devices.profile_swap")
    if profile.buffered_keys is not None and "keypad" not in profile.provides:
        yield Problem(file, "buffered_keys", "devices.profile_not_here", what="buffered_keys")


def _shared(form: Format) -> bool:
    """Whether two of number, facility code and parity bits stand in the same place."""
    taken = [*range(form.number[0], form.number[1] + 1), *(parity.bit for parity in form.parity)]
    taken += range(form.facility[0], form.facility[1] + 1) if form.facility else ()
    return len(taken) != len(set(taken))


def _in_order(form: MessageForm) -> bool:
    """Each field behind the one before; where one ends at a mark, the next cannot say its place."""
    at: int | None = len(form.match)
    for index, field in enumerate(form.fields):
        if field.at is not None and field.at != at:
            return False
        if field.until is not None and field.length is not None:
            return False
        if field.until is None and field.length is None and index < len(form.fields) - 1:
            return False
        if field.kind in ("uint-le", "uint-be") and not 0 < (field.length or 0) <= 8:
            return False
        if field.kind == "utf-16le" and field.length is not None and field.length % 2:
            return False
        at = None if at is None or field.length is None else at + field.length
    return bool(form.match) or bool(form.fields and form.fields[0].kind not in MAY_BE_EMPTY)


def _needs(file: str, at: str, profile: Profile, what: str | None = None) -> Problem:
    return Problem(file, at, "devices.profile_needs", kind=profile.kind, what=what or at)


def _example_forms(profile: Profile, file: str) -> Iterable[Problem]:
    messages = {form.name for form in profile.message}
    if isinstance(profile.framing, Osdp) and profile.kind == "gate":
        messages = {"outputs", "inputs"}
    elif isinstance(profile.framing, Osdp):
        messages = {"card", "keys"} if "keypad" in profile.provides else {"card"}
    elif isinstance(profile.framing, Nmea):
        messages = {"rmc", "gga"}
    commands = {form.name for form in profile.command}
    shown: set[str] = set()
    for index, example in enumerate(profile.example):
        name = str((example.gives or {}).get("message") or (example.made_from or {}).get("command"))
        known = messages if example.gives is not None else commands
        if (example.gives is None) == (example.made_from is None) or name not in known:
            yield Problem(file, f"example[{index}]", "devices.profile_example_form")
        shown.add(name)
    for name in sorted((messages | commands) - shown):
        yield Problem(file, "example", "devices.profile_no_example", name=name)
