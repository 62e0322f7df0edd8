"""Evidence for the console: what is kept, whether it is as it was signed, and its clip, unsealed piece by piece."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from msgspec import structs

from edge_agent.config import EVIDENCE_KEY
from edge_agent.console.needs import EvidenceFile, EvidenceNote
from edge_agent.console_rooms import Room
from edge_agent.contract.evidence import read_manifest
from edge_agent.errors import StoreError
from edge_agent.exhibits import Recorded, of_store, own_keys, recorded
from edge_agent.model.evidence import Exhibit
from edge_agent.model.sightings import Sighting
from edge_agent.model.site import private
from edge_agent.store.evidence import CLIP, FOLDER, TRACK, EvidenceStore
from edge_agent.store.faces import load_key

if TYPE_CHECKING:
    from edge_agent.app import App


class Exhibits(Room):
    """Fulfils console.needs.Exhibits. What is asked for has to be remembered by the journal: no name becomes a path."""

    def __init__(self, app: "App") -> None:
        super().__init__("exhibits")
        self._app = app

    def kept(self) -> list[Exhibit]:
        exhibits = self._app.premises.standing.exhibits.values()
        return sorted(exhibits, key=lambda exhibit: -exhibit.number)

    async def file(self, evidence: str) -> EvidenceFile | None:
        exhibits = self.kept()
        exhibit = next((one for one in exhibits if one.evidence == evidence), None)
        return None if exhibit is None else await self.ask(lambda: self._file(exhibit, exhibits))

    async def clip(self, evidence: str) -> tuple[int, Iterator[bytes]] | None:
        if all(one.evidence != evidence for one in self.kept()):
            return None
        return await self.ask(lambda: self._clip(evidence))

    def _store(self) -> EvidenceStore:
        return EvidenceStore(self._app.state / FOLDER, load_key(self._folder / EVIDENCE_KEY))

    @property
    def _folder(self) -> Path:
        return self._app.folder

    def _file(self, exhibit: Exhibit, exhibits: list[Exhibit]) -> EvidenceFile:
        store = self._store()
        journal = Recorded(exhibits)
        if exhibit.previous and all(one.number != exhibit.number - 1 for one in exhibits):
            journal = structs.replace(recorded(self._app.state), exhibits=exhibits)  # walks all rows
        found = of_store(store, journal, own_keys(self._folder), exhibit.evidence)[exhibit.evidence]
        try:
            manifest = read_manifest(store.manifest(exhibit.evidence))
        except StoreError:
            manifest = None
        time = manifest.time if manifest else None
        return EvidenceFile(
            exhibit=exhibit, kind=manifest.kind if manifest else "", rule=manifest.rule if manifest else "",
            good=not any(finding.fatal for finding in found),
            notes=tuple(EvidenceNote(one.code, one.fatal, one.what, one.why, one.given) for one in found),
            seen=_seen(store, exhibit.evidence), offset_ms=time.wall_ms - time.up_ms if time else 0,
            masks=self._masks(exhibit.camera),
        )  # fmt: skip

    def _masks(self, name: str) -> tuple[tuple[float, ...], ...] | None:
        """As agent.toml has them now, whenever it was recorded; None: it does not have the camera any more."""
        config = self._app.config
        return next((private(camera, config.facades) for camera in config.cameras if camera.name == name), None)

    def _clip(self, evidence: str) -> tuple[int, Iterator[bytes]] | None:
        store = self._store()
        try:
            manifest = read_manifest(store.manifest(evidence))
        except StoreError:
            return None
        size = next((file.size for file in manifest.files if file.name == CLIP), 0) if manifest else 0
        return (size, store.read(evidence, CLIP)) if size else None


def _seen(store: EvidenceStore, evidence: str) -> Sighting | None:
    """The last the analysis said of it, of a fall the last with its path; None when there is no such word."""
    try:
        said = msgspec.json.decode(b"".join(store.read(evidence, TRACK)), type=list[Sighting])
    except (StoreError, msgspec.DecodeError, UnicodeDecodeError):
        return None
    return next((one for one in reversed(said) if one.fall is not None), said[-1] if said else None)
