"""Device profiles on disk: find them, load them, check them.

A profile that is wrong is refused with the file, the place in it and the reason; nothing is guessed or left out.
"""

import os
import re
import tomllib
from functools import lru_cache
from pathlib import Path

import msgspec

from edge_agent.drivers.profile_sense import sense
from edge_agent.drivers.toml_lines import line_of
from edge_agent.errors import EdgeAgentError, Problem, Problems
from edge_agent.model.profile import Profile, profile_schema

_KINDS = ("readers", "keypads", "scanners", "id-readers", "terminals", "gates", "sensors", "cameras")
_SYSTEM = Path("/usr/share/edge-agent/device_profiles")


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
    return sorted(f"{kind}/{name}" for kind in _KINDS for name in _names(kind))


def load_profile(id: str) -> Profile:
    """Raises EdgeAgentError when there is no such profile, Problems when it is wrong. Runs no examples."""
    kind, _, name = id.partition("/")
    if kind not in _KINDS or name not in _names(kind):
        known = profile_ids()
        alike = [one for one in known if one.startswith(f"{kind}/")]
        raise EdgeAgentError("devices.profile_unknown", profile=id, known=", ".join(alike or known))
    path = profiles_root() / f"{id}.toml"
    profile = _read(path)
    problems = profile if isinstance(profile, list) else sense(profile, path)
    if isinstance(profile, list) or problems:
        raise Problems(_on_lines(problems, path))
    return profile


def check_profile(path: Path) -> list[Problem]:
    """Everything that is wrong with the profile in `path`: form, sense, and its golden examples."""
    from edge_agent.drivers.profile_examples import run_examples  # the daemon runs none

    profile = _read(path)
    if isinstance(profile, list):
        return _on_lines(profile, path)
    return _on_lines(sense(profile, path) or run_examples(profile, path), path)


def schema_json() -> bytes:
    """The text of device_profiles/schema.json, made from model/profile.py."""
    return msgspec.json.format(msgspec.json.encode(profile_schema(), order="sorted"), indent=2) + b"\n"


def _names(kind: str) -> list[str]:
    return [path.stem for path in (profiles_root() / kind).glob("*.toml")]


def _read(path: Path) -> Profile | list[Problem]:
    try:
        text = path.read_text("utf-8-sig")
        return _parsed(text)
    except (OSError, UnicodeDecodeError) as error:
        return [Problem(str(path), "", "devices.profile_unreadable", why=str(error))]
    except tomllib.TOMLDecodeError as error:
        place = re.search(r"\(at (line \d+, column \d+)\)", str(error))
        return [Problem(str(path), place[1] if place else "", "devices.profile_toml", why=str(error))]
    except msgspec.ValidationError as error:
        from edge_agent.drivers.profile_form import form_problems

        why, _, at = str(error).partition(" - at `$")
        rest = Problem(str(path), at.strip(".`"), "devices.profile_form", why=why)
        return form_problems(tomllib.loads(text), path) or [rest]


@lru_cache(maxsize=32)
def _parsed(text: str) -> Profile:
    """A start asks for the same few profiles a dozen times."""
    return msgspec.convert(tomllib.loads(text), Profile)


def _on_lines(problems: list[Problem], path: Path) -> list[Problem]:
    """The same, each with its line where it has one."""
    text = path.read_text("utf-8-sig", "replace") if path.is_file() else ""
    for problem in problems:
        place = re.match(r"line (\d+)", problem.at)
        at = problem.at
        if problem.code == "devices.profile_unknown_field":
            at = f"{at}.{problem.fields['key']}".lstrip(".")
        problem.line = int(place[1]) if place else line_of(text, at)
    return problems
