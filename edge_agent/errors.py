"""One error root. Every error knows what to say to the installer: a code of words.py and the fields that fill it."""

import os
import pwd
from pathlib import Path
from typing import Any

from edge_agent.words import Sentence, say, told


class EdgeAgentError(Exception):
    """`code`: key of words.ERRORS; `fields`: what fills its sentence."""

    def __init__(self, code: str, **fields: Any) -> None:
        super().__init__(code, fields)
        self.code = code
        self.fields = fields

    def text(self, lang: str) -> str:
        return say(self.code, lang, **self.fields)

    @property
    def sentence(self) -> Sentence:
        """For reports: in English, and with what it was made of."""
        return told(self.code, **self.fields)

    def __str__(self) -> str:
        return self.text("en")


class Problem(EdgeAgentError):
    """One thing wrong in a file: `file` and `at` (a path into it: `door[1].gate.link`, `line 7`) say where, and `line`
    does when it is known.
    """

    line: int | None = None

    def __init__(self, file: str, at: str, code: str, /, **fields: Any) -> None:
        super().__init__(code, **fields)
        self.file = file
        self.at = at

    def text(self, lang: str) -> str:
        file = self.file if self.line is None else f"{self.file}:{self.line}"
        where = f"{file}: {self.at}" if self.at else file
        return f"{where}: {super().text(lang)}"


class Problems(EdgeAgentError):
    """Several problems at once, so that one run of `check` shows them all."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("several", count=len(problems))
        self.problems = problems

    def text(self, lang: str) -> str:
        return "\n".join(problem.text(lang) for problem in self.problems)


def locked(path: Path) -> dict[str, str]:
    """What fills `config.file_locked`: a file that the system keeps from us, and what has to be given to us: itself, or
    the first folder on the way that we may not enter.
    """
    folders = (
        folder for folder in reversed(path.absolute().parents) if not os.access(folder, os.X_OK, effective_ids=True)
    )
    try:
        user = pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        user = str(os.geteuid())
    return {"path": str(path), "user": user, "at": str(next(folders, path))}


class FrameError(EdgeAgentError):
    """Bytes that are not a frame: wrong checksum, too long, wrong start. The framer has already resynchronised."""


class DeviceUnavailable(EdgeAgentError):
    """The device is not there now (unplugged, off, busy). Its driver keeps trying."""


class StoreError(EdgeAgentError):
    """A database that cannot be used as it is."""


class JournalUnavailable(StoreError):
    """Nothing can be recorded at the moment."""


class UplinkError(EdgeAgentError):
    """The city cannot be reached, or refuses us."""


class VisitError(EdgeAgentError):
    """A visit that cannot go that way: it is over already, its host said no, nobody knows it."""


class RoundError(EdgeAgentError):
    """Something about patrols, hazards or duty that cannot go that way."""


class FaceError(EdgeAgentError):
    """A photograph or a template that cannot be used."""
