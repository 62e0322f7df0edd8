"""Many faces at once: a CSV that names people and photographs, and a folder or zip that holds them.

Columns: person_id,photo and, where wanted, consent,keep_image,guardian. What is done is noted beside the list's digest,
so that a broken-off import goes on where it stopped. A zip is never unpacked to a disk.
"""

import contextlib
import csv
import hashlib
import io
import unicodedata
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import msgspec

from edge_agent.cli.face_enrol import Agreed, Enroller, permit
from edge_agent.cli.speech import language
from edge_agent.errors import EdgeAgentError, FaceError, Problem
from edge_agent.model.site import FacePolicy
from edge_agent.store.csv_rows import read_rows
from edge_agent.store.text_file import read_text
from edge_agent.vision.enrol import AT_ONCE, Picture, embed_photos
from edge_agent.vision.photo_limits import BYTES_AT_MOST

UTF8_NAME = 0x800  # APPNOTE.TXT 4.4.4, bit 11
REQUIRED, OPTIONAL = ("person_id", "photo"), ("consent", "keep_image", "guardian")

Advance = Callable[[int], None]


class Line(msgspec.Struct, frozen=True):
    number: int
    person: str
    photo: str
    agreed: Agreed

    @property
    def key(self) -> str:
        return hashlib.sha256(f"{self.person}\0{self.photo}".encode()).hexdigest()[:24]


class Outcome(msgspec.Struct):
    encoding: str = ""
    people: set[str] = msgspec.field(default_factory=set)
    photos: int = 0
    done: int = 0
    refused: list[tuple[int, str, str, EdgeAgentError]] = msgspec.field(default_factory=list)


class Photos:
    """Photographs by name, from a folder or a zip. Raises FaceError."""

    def __init__(self, where: Path) -> None:
        self.where = where
        self._zip: zipfile.ZipFile | None = None
        self._members: dict[str, zipfile.ZipInfo] = {}
        if not where.is_dir():
            try:
                self._zip = zipfile.ZipFile(where)
            except (OSError, zipfile.BadZipFile) as error:
                raise FaceError("cli.photos_unreadable", file=where.name, why=str(error)) from None
            self._members = {name: member for member in self._zip.infolist() for name in _names(member)}

    def close(self) -> None:
        if self._zip is not None:
            self._zip.close()

    def picture(self, name: str) -> Picture:
        """What is not there, or leads out of the folder, is a file that is not there."""
        plain = _plain(name)
        if self._zip is None:
            composed, decomposed = self.where / plain, self.where / unicodedata.normalize("NFD", plain)
            path = (decomposed if decomposed.exists() and not composed.exists() else composed).resolve()
            inside = path.is_relative_to(self.where.resolve())
            return Picture(str(path) if inside else name) if inside else Picture(name, b"")
        try:
            with self._zip.open(self._members[plain]) as member:
                return Picture(name, member.read(BYTES_AT_MOST + 1))  # whatever size it claims
        except (KeyError, OSError, zipfile.BadZipFile, RuntimeError, NotImplementedError, EOFError, ValueError):
            return Picture(name, b"")


def _plain(name: str) -> str:
    """As Linux writes it: a list made on Windows has backslashes, one made on a Mac takes letters apart."""
    return unicodedata.normalize("NFC", name.replace("\\", "/"))


def _names(member: zipfile.ZipInfo) -> set[str]:
    """What a member may be called in the list. A zip that does not say it is UTF-8 is read as IBM's code page 437:
    most such are in UTF-8 all the same, or in the Chinese code page of Windows.
    """
    names = {_plain(member.filename)}
    if not member.flag_bits & UTF8_NAME:
        for encoding in ("utf-8", "gb18030"):
            with contextlib.suppress(UnicodeError):
                names.add(_plain(member.filename.encode("cp437").decode(encoding)))
    return names


def read_lines(file: Path, default: Agreed) -> tuple[str, list[Line], list[Problem]]:
    """Encoding, good lines and bad ones. Raises Problem when it is no such list."""
    text, encoding = read_text(file)
    lines, bad = list[Line](), list[Problem]()
    for number, row in read_rows(file.name, text, REQUIRED, OPTIONAL):
        if isinstance(row, Problem):
            bad.append(row)
            continue
        agreed = Agreed(
            row.get("consent") or default.match, row.get("keep_image") or default.keep_image,
            row.get("guardian") or default.guardian, default.until_ms,
        )  # fmt: skip
        lines.append(Line(number, row["person_id"], row["photo"], agreed))
    return encoding, lines, bad


def run(
    file: Path, where: Path, default: Agreed, enroller: Enroller, policy: FacePolicy, notes: Path, advance: Advance
) -> Outcome:  # fmt: skip
    """Everything of the list; `notes`: the file that remembers what is done. Raises FaceError, StoreError, Problem."""
    encoding, lines, bad = read_lines(file, default)
    outcome = Outcome(encoding)
    for problem in bad:
        outcome.refused.append((0, "", "", problem))
    done = set(notes.read_text("ascii").split()) if notes.exists() else set[str]()
    outcome.done = sum(line.key in done for line in lines)
    advance(outcome.done)
    waiting = [line for line in lines if line.key not in done]
    with closing(Photos(where)) as photos, notes.open("a", encoding="ascii") as noted:
        for batch in _batches(waiting):
            good = [line for line in batch if _permitted(line, enroller, outcome)]
            pictures = [photos.picture(line.photo) for line in good]
            results = embed_photos(pictures, policy, enroller.spec, want_crop=True)
            for line, result in zip(good, results, strict=True):
                error = enroller.take(line.person, result)
                if error is None:
                    outcome.people.add(line.person)
                    outcome.photos += 1
                    enroller.enrolled(line.person, 1)
                    noted.write(line.key + "\n")
                else:
                    outcome.refused.append((line.number, line.person, line.photo, error))
            noted.flush()
            advance(len(batch))
    if not outcome.refused:
        notes.unlink(missing_ok=True)
    return outcome


def _permitted(line: Line, enroller: Enroller, outcome: Outcome) -> bool:
    try:
        permit(enroller.people, line.person, line.agreed)
        enroller.agree(line.person, line.agreed)
    except EdgeAgentError as error:
        outcome.refused.append((line.number, line.person, line.photo, error))
        return False
    return True


def _batches(lines: list[Line]) -> Iterator[list[Line]]:
    for start in range(0, len(lines), AT_ONCE):
        yield lines[start : start + AT_ONCE]


def as_csv(outcome: Outcome) -> str:
    """line,person_id,photo,reason — for whoever has to bring other photographs."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["line", "person_id", "photo", "reason"])
    for number, person, photo, error in outcome.refused:
        writer.writerow([number or "", person, photo, error.text(language())])
    return out.getvalue()
