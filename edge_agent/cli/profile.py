"""`edge-agent profile`: device profiles: which there are, whether one holds, and a first draft of a new one."""

import re
import tempfile
from pathlib import Path

import click

from edge_agent.cli.columns import echo, tell
from edge_agent.cli.device_replay import load
from edge_agent.cli.options import make_folder
from edge_agent.cli.profile_text import profile_text
from edge_agent.cli.speech import complain, words
from edge_agent.drivers.draft import Draft, drafts
from edge_agent.drivers.probe import framing_of
from edge_agent.drivers.profiles import check_profile, load_profile, profile_ids, profiles_root
from edge_agent.errors import EdgeAgentError, Problem
from edge_agent.model.profile import LineSettings
from edge_agent.protocols.capture import Capture

ID = re.compile(r"[a-z][a-z-]*/[a-z0-9][a-z0-9.-]*")


@click.group("profile")
def command() -> None:
    """Device profiles: check, list, show, draft a new one from a recording."""


@command.command("check")
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=click.Path(path_type=Path))
def check(files: tuple[Path, ...]) -> None:
    """Say everything that is wrong with each FILE, with its line; its examples are decoded whole, split at every byte,
    byte by byte and between garbage. Ends with 1 when one is wrong.
    """
    bad = 0
    for file in files:
        if not file.exists():
            complain(EdgeAgentError("device.no_file", file=file))
            bad += 1
            continue
        problems = check_profile(file)
        for problem in problems:
            complain(problem)
        if not problems:
            loaded = _loaded(file)
            click.echo(words("profile.good", file=file, examples=loaded))
        bad += bool(problems)
    if bad:
        raise EdgeAgentError("profile.bad", bad=bad, count=len(files))


def _loaded(file: Path) -> int:
    return len(re.findall(r"^\s*\[\[\s*(framing\.)?example\s*\]\]", file.read_text("utf-8-sig"), re.MULTILINE))


@command.command("list")
def list_() -> None:
    """Show all profiles there are."""
    for name in profile_ids():
        try:
            profile = load_profile(name)
        except EdgeAgentError as error:
            echo(name)
            tell("profile.list_bad", 2, why=str(error).splitlines()[0])
            continue
        echo(name)
        echo(f"{profile.name} · {framing_of(profile)} · {profile.maturity}", 2)


@command.command("show")
@click.argument("id")
def show(id: str) -> None:
    """Show what a profile says: wire, framing, messages, what it can do, and where its facts come from."""
    profile = load_profile(id)
    echo(f"{profile.id} · {profile.name}")
    tell("profile.show_maturity", 2, maturity=profile.maturity, kind=profile.kind, source=profile.source)
    tell("profile.show_wire", 2, baud=profile.link.baud, parity=profile.link.parity, framing=framing_of(profile))
    tell("profile.show_checksum", 2, checksum=profile.checksum.kind)
    tell("profile.show_provides", 2, provides=", ".join(profile.provides) or "–")
    for form in profile.message:
        tell("profile.show_message", 2, name=form.name, fields=", ".join(field.name for field in form.fields) or "–")
    for form in profile.command:
        tell("profile.show_command", 2, name=form.name, fields=", ".join(field.name for field in form.fields) or "–")
    if profile.feedback:
        tell("profile.show_feedback", 2, outcomes=", ".join(feedback.when for feedback in profile.feedback))
    echo(str(profiles_root() / f"{id}.toml"), 2)


@command.command("new")
@click.option("--from-capture", "file", required=True, type=click.Path(path_type=Path), help="A `device record` file.")
@click.option("--id", "id", required=True, help="Its place and name, as readers/acme-100.")
@click.option("--name", help="What people call the device (default: the id's).")
@click.option("--dir", "folder", type=click.Path(path_type=Path), default=Path("device_profiles"), show_default=True,
              help="The folder of profiles it is written into.")  # fmt: skip
def new(file: Path, id: str, name: str | None, folder: Path) -> None:
    """Draft the profile of a reader from recorded frames: framing and checksum are guessed, the frames become its
    examples. Record some different cards first, test cards: their numbers are in the file.
    """
    if not ID.fullmatch(id):
        raise EdgeAgentError("profile.bad_id", id=id)
    path = folder / f"{id}.toml"
    if path.exists():
        raise EdgeAgentError("device.file_there", file=path)
    capture = load(file)
    found = drafts(
        [chunk.data for chunk in capture.chunks if not chunk.out], id, name or id.partition("/")[2],
        f"recorded: {file.name}, {capture.settings.get('started', 'undated')[:10]}", _link(capture, file),
    )  # fmt: skip
    for draft in found:
        text = profile_text(draft)
        if not _wrong(text, id):
            make_folder(path.parent)
            path.write_text(text, "utf-8")
            _say(draft, path)
            return
    raise EdgeAgentError("profile.no_draft", file=file)


def _wrong(text: str, id: str) -> list[Problem]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{id}.toml"
        path.parent.mkdir(parents=True)
        path.write_text(text, "utf-8")
        return check_profile(path)


def _link(capture: Capture, file: Path) -> LineSettings:
    baud, parity = capture.settings.get("baud", "9600"), capture.settings.get("parity", "none")
    if not baud.isdecimal() or not 300 <= int(baud) <= 4_000_000 or parity not in ("none", "even", "odd"):
        raise EdgeAgentError("profile.bad_settings", file=file)
    return LineSettings(baud=int(baud), parity=parity)  # type: ignore[arg-type]


def _say(draft: Draft, path: Path) -> None:
    framing, checksum = framing_of(draft.profile), draft.profile.checksum.kind
    tell("profile.drafted", path=path, framing=framing, checksum=checksum, frames=draft.frames, errors=draft.errors)
    if len(draft.examples) < 3:
        tell("profile.few_frames")
    if checksum == "none":
        tell("profile.no_checksum")
    tell("profile.draft_private")
