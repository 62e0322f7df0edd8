"""Device profiles on disk: find them, load them, check them.

A profile that is wrong is refused with the file, the place in it and the reason; nothing is guessed or left out.
"""

import os
import re
import tomllib
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import msgspec

from edge_agent.drivers.profile_form import form_problems
from edge_agent.drivers.toml_lines import line_of
from edge_agent.errors import EdgeAgentError, Problem, Problems
from edge_agent.model.profile import Delimited, Example, MessageForm, Osdp, Profile, profile_schema
from edge_agent.protocols.codec import Decoder, Message, encode

_KINDS = ("readers", "terminals", "gates", "sensors", "cameras")
_SYSTEM = Path("/usr/share/edge-agent/device_profiles")
_NOISE = bytes.fromhex("00 FF 11 9A 7E")  # holds no start byte of any profile; checked in _examples


def profiles_root() -> Path:
    """The device_profiles folder: EDGE_AGENT_PROFILES, else beside the package, else the system's. EdgeAgentError."""
    if chosen := os.environ.get("EDGE_AGENT_PROFILES"):
        candidates = [Path(chosen)]
    else:
        candidates = [Path(__file__).resolve().parents[2] / "device_profiles", _SYSTEM]
    for candidate in candidates:
        if candidate.is_dir():
            return candidate
    raise EdgeAgentError("devices.profiles_missing")


def profile_ids() -> list[str]:
    """`readers/osdp-generic` and so on, sorted."""
    folder = profiles_root()
    return sorted(f"{kind}/{path.stem}" for kind in _KINDS for path in (folder / kind).glob("*.toml"))


def load_profile(id: str) -> Profile:
    """Raises EdgeAgentError when there is no such profile, Problems when it is wrong. Runs no examples."""
    if id not in (known := profile_ids()):
        raise EdgeAgentError("devices.profile_unknown", profile=id, known=", ".join(known))
    path = profiles_root() / f"{id}.toml"
    profile = _read(path)
    problems = profile if isinstance(profile, list) else _sense(profile, path)
    if isinstance(profile, list) or problems:
        raise Problems(_with_lines(problems, path))
    return profile


def check_profile(path: Path) -> list[Problem]:
    """Everything that is wrong with the profile in `path`: form, sense, and its golden examples."""
    profile = _read(path)
    if isinstance(profile, list):
        return _with_lines(profile, path)
    return _with_lines(_sense(profile, path) or _examples(profile, path), path)


def _with_lines(problems: list[Problem], path: Path) -> list[Problem]:
    text = path.read_text("utf-8", "replace") if path.is_file() else ""
    for problem in problems:
        place = re.match(r"line (\d+)", problem.at)
        at = problem.at
        if problem.code == "devices.profile_unknown_field":
            at = f"{at}.{problem.fields['key']}".lstrip(".")
        problem.line = int(place[1]) if place else line_of(text, at)
    return problems


def schema_json() -> bytes:
    """The text of device_profiles/schema.json, made from model/profile.py."""
    return msgspec.json.format(msgspec.json.encode(profile_schema(), order="sorted"), indent=2) + b"\n"


def _read(path: Path) -> Profile | list[Problem]:
    try:
        data = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        return [Problem(str(path), "", "devices.profile_unreadable", why=str(error))]
    except tomllib.TOMLDecodeError as error:
        place = re.search(r"\(at (line \d+, column \d+)\)", str(error))
        return [Problem(str(path), place[1] if place else "", "devices.profile_toml", why=str(error))]
    try:
        return msgspec.convert(data, Profile)
    except msgspec.ValidationError as error:
        why, _, at = str(error).partition(" - at `$")
        rest = Problem(str(path), at.strip(".`"), "devices.profile_form", why=why)
        return form_problems(data, path) or [rest]


def _sense(profile: Profile, path: Path) -> list[Problem]:
    """What the form cannot say: that the parts fit each other."""
    file = str(path)
    wanted = f"{path.parent.name}/{path.stem}"
    problems = [] if profile.id == wanted else [Problem(file, "id", "devices.profile_id", wanted=wanted)]
    for key, names in (
        ("message", [form.name for form in profile.message]),
        ("command", [form.name for form in profile.command]),
        ("feedback", [feedback.when for feedback in profile.feedback]),
    ):
        twice = (name for name, count in Counter(names).items() if count > 1)
        problems += [Problem(file, key, "devices.profile_twice", name=name) for name in twice]
    problems += _delimited(profile, file) if isinstance(profile.framing, Delimited) else _osdp(profile, file)
    if profile.kind == "terminal" and "card" in profile.provides and not profile.card_bits:
        problems.append(_needs(file, "card_bits", profile))
    problems += _example_forms(profile, file)
    return problems


def _delimited(profile: Profile, file: str) -> Iterable[Problem]:
    framing = profile.framing
    if isinstance(framing, Delimited) and framing.start == framing.end:
        yield Problem(file, "framing.end", "devices.profile_marks")
    needed = {"state", "pulse", "query"} if profile.kind == "gate" else {"card"}
    have = {form.name for form in profile.message + profile.command}
    for name in sorted(needed - have):
        yield _needs(file, "message" if name in ("state", "card") else "command", profile, name)
    if profile.kind == "gate" and profile.gate is None:
        yield _needs(file, "gate", profile)
    if profile.kind == "gate":
        yield from _masks(profile, file)
    for key, forms in (("message", profile.message), ("command", profile.command)):
        for index, form in enumerate(forms):
            if not _in_order(form):
                yield Problem(file, f"{key}[{index}].fields", "devices.profile_overlap")
    for index, feedback in enumerate(profile.feedback):
        if feedback.led or feedback.beep:
            yield Problem(file, f"feedback[{index}]", "devices.profile_not_here", what="led, beep")
    if "keypad" in profile.provides:
        yield Problem(file, "provides", "devices.profile_not_here", what="keypad")


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
    if profile.kind != "terminal":
        yield Problem(file, "kind", "devices.profile_not_here", what=f"kind = {profile.kind}")
    for index, feedback in enumerate(profile.feedback):
        if feedback.send:
            yield Problem(file, f"feedback[{index}]", "devices.profile_not_here", what="send")


def _in_order(form: MessageForm) -> bool:
    at = len(form.match)
    for index, field in enumerate(form.fields):
        if field.at != at or (field.length is None and index < len(form.fields) - 1):
            return False
        at += field.length or 0
    return True


def _needs(file: str, at: str, profile: Profile, what: str | None = None) -> Problem:
    return Problem(file, at, "devices.profile_needs", kind=profile.kind, what=what or at)


def _example_forms(profile: Profile, file: str) -> Iterable[Problem]:
    messages = {form.name for form in profile.message} or {"card"}
    if isinstance(profile.framing, Osdp) and "keypad" in profile.provides:
        messages.add("keys")
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


def _examples(profile: Profile, path: Path) -> list[Problem]:
    problems: list[Problem] = []
    for index, example in enumerate(profile.example):
        at = f"example[{index}]"
        if example.gives is not None:
            problems += _decodes(profile, example, str(path), at)
        else:
            problems += _encodes(profile, example, str(path), at)
    return problems


def _decodes(profile: Profile, example: Example, file: str, at: str) -> Iterable[Problem]:
    """Whole, split at every byte, byte by byte, twice in one go, with garbage before and after."""
    frame, values = bytes.fromhex(example.bytes), dict(example.gives or {})
    wanted = Message(str(values.pop("message")), values)
    noise = (
        _NOISE if not isinstance(profile.framing, Delimited) else _NOISE.replace(bytes([profile.framing.start]), b"")
    )
    feeds: list[tuple[str, list[bytes], int]] = [
        ("whole", [frame], 1),
        ("byte by byte", [frame[i : i + 1] for i in range(len(frame))], 1),
        ("two in one read", [frame + frame], 2),
        ("garbage before and after", [noise + frame + noise, frame], 2),
    ]
    feeds += [(f"split after {i} bytes", [frame[:i], frame[i:]], 1) for i in range(1, len(frame))]
    for how, pieces, count in feeds:
        decoder = Decoder(profile)
        got = [out for piece in pieces for out in decoder.feed(piece)]
        messages = [out for out in got if isinstance(out, Message)]
        if messages != [wanted] * count:
            seen = "; ".join(str(out) for out in got) or "nothing"
            yield Problem(file, at, "devices.profile_example", how=how, got=seen, wanted=wanted)
            return


def _encodes(profile: Profile, example: Example, file: str, at: str) -> Iterable[Problem]:
    values = dict(example.made_from or {})
    name = str(values.pop("command"))
    wanted = bytes.fromhex(example.bytes)
    try:
        got = encode(profile, name, **values).hex(" ")
    except EdgeAgentError as error:
        got = str(error)
    if got != wanted.hex(" "):
        yield Problem(file, at, "devices.profile_example", how="encode", got=got, wanted=wanted.hex(" "))
