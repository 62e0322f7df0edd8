"""Published examples of everything on the wire: a chained stream with every event in it, and the signed messages.

They are test vectors: whoever recomputes hashes and signatures and gets these has understood the contract. The key is
RFC 8032's first test key, known to everybody: it signs nothing else. `python -m edge_agent.contract.examples DIR`.
"""

import hashlib
import sys
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from edge_agent.contract.checkpoint import sign_checkpoint
from edge_agent.contract.envelope import chain_hash, genesis, write_envelope
from edge_agent.contract.messages import AckMessage, BirthMessage, ManifestMessage, Refusal, StateMessage, seal
from edge_agent.contract.telemetry import TelemetryMessage
from edge_agent.model import events as e
from edge_agent.model.encoding import canonical
from edge_agent.model.grants import Chunk, CredentialGrant, CredentialName, Delta, PeopleChunk, PersonGrant
from edge_agent.model.sightings import Fall, Measure

GATEWAY = "G0417"
EPOCH = "7c1f" * 8
BOOT = "0f6b2c1e-5a4d-4c3b-9a87-1d2e3f405162"
BEGAN_MS = 1_777_878_072_345  # 2026-05-04T07:01:12.345Z
COMMAND = "9b0c7a1d2e3f405162738495a6b7c8d9"
KEY = Ed25519PrivateKey.from_private_bytes(
    bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
)
DOOR, DEVICE, CAMERA = "north-gate", "north-in", "block-3-north"
FALL = Fall(
    floors=((14, 0.82), (15, 0.16)), columns=((3, 0.7), (4, 0.3)), released_ms=40_200, impact_ms=43_100,
    speed_mps=27.5, path=(), residual_px=0.9, calibration="block-3-north-2026-05-01",
)  # fmt: skip
VISIT, HAZARD = "v-7d3e91ab52c4", "h-1a2b3c4d5e6f"

STREAM: tuple[e.Event, ...] = (
    e.AgentStarted(version="0.1.0", after="first", config="c5d1"),
    e.PersonChanged(what="imported", count=1200, source="people.csv"),
    e.ConsentGiven(person="p-5f2c", purpose="match", text_version="2026-01", channel="office"),
    e.AccessGranted(
        door=DOOR, direction="in", person="p-5f2c", category="resident", house="3-1-502", how=("card", "pin"),
        rule="residents-always", terminal=DEVICE, notes=("anti_passback",),
    ),
    e.DoorOpened(door=DOOR),
    e.AccessTaken(door=DOOR, person="p-5f2c", after_ms=1400),
    e.DoorHeld(door=DOOR, open_ms=15_000),
    e.DoorClosed(door=DOOR, open_ms=16_200),
    e.AccessGranted(
        door=DOOR, direction="out", person="p-5f2c", category="resident", how=("face",), rule="residents",
        face=e.FaceMatch(score=0.71, liveness="live", by="terminal"),
    ),
    e.AccessNotTaken(door=DOOR, person="p-5f2c"),
    e.AccessDenied(door=DOOR, direction="in", reason="unknown", how=("card",), terminal=DEVICE),
    e.ExitRequested(door=DOOR),
    e.DoorForced(door=DOOR),
    e.DoorTamper(door=DOOR, open=("north-in",)),
    e.DoorFault(door=DOOR, input="contact", what="cut"),
    e.DoorModeChanged(door=DOOR, mode="unlocked", source="operator", by="王芳", why="furniture", for_ms=1_800_000),
    e.FireReleased(door=DOOR),
    e.FireCleared(by="王芳"),
    e.PanicRaised(door=DOOR, count=2),
    e.PanicCleared(door=DOOR, by="王芳"),
    e.AlertOpened(door=DOOR, alert="a-17", kind="duress", silent=True, person="p-5f2c", terminal=DEVICE),
    e.AlertOpened(
        door="", alert="fall-1", kind="falling_object", camera=CAMERA, rule="facade-north", confidence=0.94,
        review=True, why=(Measure("pull", 9.4, 6.5, "m/s²"),), fall=FALL, evidence="ev-1",
    ),
    e.LineCounted(
        camera=CAMERA, line="gate-line", entered=41, left=17, from_ms=BEGAN_MS - 3_600_000, to_ms=BEGAN_MS
    ),
    e.EvidenceKept(
        evidence="ev-1", camera=CAMERA, alert="fall-1", manifest="3b" * 32, previous="9a" * 32,
        from_ms=BEGAN_MS - 10_000, to_ms=BEGAN_MS + 10_000, size=10_485_760,
    ),
    e.AlertUpdated(door="", alert="fall-1", kind="falling_object", camera=CAMERA, what="evidence", evidence="ev-1"),
    e.AlertClosed(door="", alert="fall-1", kind="falling_object", camera=CAMERA, count=1),
    e.AlarmAcknowledged(alarm="fall-1", kind="falling_object", door="", camera=CAMERA, by="王芳", after_ms=24_000),
    e.AlarmDispatched(
        alarm="fall-1", kind="falling_object", door="", camera=CAMERA, by="王芳", after_ms=90_000, who="巡逻 2"
    ),
    e.AlarmArrived(
        alarm="fall-1", kind="falling_object", door="", camera=CAMERA, by="王芳", after_ms=320_000, late=True
    ),
    e.AlarmClosed(
        alarm="fall-1", kind="falling_object", door="", camera=CAMERA, by="王芳", after_ms=900_000, outcome="real",
        why="flower pot",
    ),
    e.EvidenceExported(evidence="ev-1", by="王芳", purpose="investigation", sha256="5c" * 32),
    e.EvidenceErased(evidence="ev-1", why="age", manifest="3b" * 32),
    e.CommandCompleted(command=COMMAND, verb="open", issuer="desk-1", door=DOOR),
    e.CommandRefused(reason="bad_signature"),
    e.CommandUnknown(command=COMMAND, verb="open", door=DOOR),
    e.DeviceLost(
        device=DEVICE, kind="reader", detail="does not answer: check cable, power, address and baud",
        code="devices.reader_silent",
    ),
    e.DeviceBack(device=DEVICE, kind="terminal", after_ms=12_000),
    e.DeviceDegraded(
        device=DEVICE, kind="reader", detail="12 bad frames, the last: wrong checksum", code="devices.reader_noise",
        given={"count": 12, "last": "wrong checksum"},
    ),
    e.ClockAnchored(by_ms=86_400_000),
    e.ConsentWithdrawn(person="p-5f2c", purpose="match", channel="desk"),
    e.PersonErased(person="p-5f2c", why="withdrawn", templates=2, pictures=1, digest="9f" * 32),
    e.VisitExpected(
        visit=VISIT, kind="contractor", from_ms=BEGAN_MS, until_ms=BEGAN_MS + 14_400_000, doors=(DOOR,), host="p-5f2c",
        house="3-1-502", group="g-31", people=2, again=True, confirm="asked", by="local/王芳",
    ),
    e.VisitArrived(
        visit=VISIT, kind="contractor", host="p-5f2c", house="3-1-502", people=2, by=f"door/{DOOR}",
        confirmed_by="intercom", due_ms=BEGAN_MS + 14_400_000,
    ),
    e.VisitOverstaying(
        visit=VISIT, kind="contractor", due_ms=BEGAN_MS + 14_400_000, host="p-5f2c", house="3-1-502", people=2
    ),
    e.VisitLeft(
        visit=VISIT, kind="contractor", stayed_ms=15_000_000, house="3-1-502", people=2, by="local/王芳", again=True,
        overstayed=True,
    ),
    e.VisitCancelled(visit=VISIT, kind="contractor", why="cancelled", by="local/王芳"),
    e.VisitRefused(visit=VISIT, kind="visitor", reason="declined", host="p-5f2c", house="3-1-502", by="local/王芳"),
    e.PatrolDone(route="night", run_ms=BEGAN_MS, point="garage-b1", how="tag", by="local/王芳"),
    e.PatrolMissed(route="night", run_ms=BEGAN_MS, point="roof"),
    e.HazardReported(
        hazard=HAZARD, category="blocked_exit", place="3-1", due_ms=BEGAN_MS, photo="3f" * 32, by="local/王芳"
    ),
    e.HazardOverdue(hazard=HAZARD, category="blocked_exit", place="3-1", due_ms=BEGAN_MS),
    e.HazardClosed(hazard=HAZARD, category="blocked_exit", place="3-1", outcome="fixed", overdue=True, by="local/王芳"),
    e.DutyBegun(duty="d-0b1c2d3e4f50", by="local/王芳", post="north"),
    e.DutyEnded(duty="d-0b1c2d3e4f50", by="local/王芳", lasted_ms=28_800_000, post="north"),
    e.PersonErased(person="p-5f2c", why="withdrawn", templates=0, pictures=0, digest="", terminal=DEVICE),
    e.ClockStepped(by_ms=-3_600_000),
    e.AuditSignedIn(by="wang", how="totp", address="192.0.2.7"),
    e.AuditViewed(by="wang", what="person", person="p-5f2c"),
    e.AuditExported(by="wang", what="history", count=120, digest="5e" * 32),
    e.AuditRefused(by="wang", why="wrong", address="192.0.2.9", unsaid=4),
    e.AgentDegraded(
        what="dead_letter", detail="the city refuses event 11: schema", code="degraded_why.dead_letter",
        given={"seq": 11, "reason": "schema"},
    ),
    e.GapAnnounced(epoch=EPOCH, from_seq=11, to_seq=11, why="refused"),
    e.AgentStopped(reason="told"),
)  # fmt: skip


def stream() -> list[bytes]:
    """Each event's message, in order, chained from the epoch's beginning."""
    messages, prev = [], genesis(EPOCH)
    for seq, event in enumerate(STREAM, 1):
        body, up_ms = e.encode_event(event), 8_000 + seq * 1_000
        own = chain_hash(prev, body, seq)
        row = e.Row(seq, EPOCH, event.tag, body, BEGAN_MS + seq * 1_000, "synced", 120, BOOT, up_ms, prev, own)
        messages.append(write_envelope(row, GATEWAY, historic=False))
        prev = own
    return messages


def _hash_of(seq: int) -> bytes:
    own = genesis(EPOCH)
    for number, event in enumerate(STREAM[:seq], 1):
        own = chain_hash(own, e.encode_event(event), number)
    return own


def command() -> dict[str, Any]:
    """Unsigned: `seal` signs it."""
    return {
        "id": COMMAND, "gateway": GATEWAY, "door": DOOR, "verb": "open", "args": {}, "issuer": "desk-1",
        "boot_id": BOOT, "not_after_up_ms": 38_000, "counter": BEGAN_MS,
    }  # fmt: skip


def piece() -> bytes:
    """One piece of a list of people; its SHA-256 is its name."""
    card = CredentialGrant("card", 26, "12d687")
    resident = PersonGrant("p-5f2c", "resident", "3-1-502", credentials=(card,))
    return canonical(
        PeopleChunk(people=(resident,), removed=("p-0007",), revoked=(CredentialName("card", 26, "1a2b3c"),))
    )


def messages() -> dict[str, bytes]:
    """The messages beside events, by the name of their schema."""
    return {
        "birth": seal(
            BirthMessage(
                gateway=GATEWAY, agent="0.1.0", epoch=EPOCH, first=1, last=31, acked=10, boot_id=BOOT, up_ms=8_000,
                clock="synced", config="c5d1", credentials="1200", bdseq=8_000, doors=(DOOR,),
            ),
            KEY,
        ),
        "state": canonical(StateMessage("online", 8_000)),
        "checkpoint": sign_checkpoint(GATEWAY, EPOCH, 10, _hash_of(10), False, KEY),
        "ack": seal(
            AckMessage(
                epoch=EPOCH, upto=10, have=((13, 14), (17, 24)), refused=(Refusal(11, "$.data.reason: …"),),
                credit=120, now="2026-05-04T07:01:45.000Z",
            ),
            KEY,
        ),
        "command": seal(command(), KEY),
        "telemetry": canonical(
            TelemetryMessage(
                gateway=GATEWAY, agent="0.1.0", config="c5d1", boot_id=BOOT, up_s=93_784, clock="synced",
                accepting=True, last=31, waiting=21, fill=0.0001, disk_free=9_663_676_416, reserve=8_388_608,
                rss=48_234_496, load=0.12, temperature_c=51.5, devices=4, lost=("north-in",),
            )
        ),
        "manifest": seal(
            ManifestMessage(
                gateway=GATEWAY, version=BEGAN_MS, issuer="registry",
                deltas=(Delta(0, (Chunk(hashlib.sha256(piece()).hexdigest(), len(piece())),)),),
            ),
            KEY,
        ),
        "content": piece(),
    }  # fmt: skip


def files() -> dict[str, bytes]:
    """File name -> content."""
    public = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return {
        "events.jsonl": b"".join(message + b"\n" for message in stream()),
        **{f"{name}.json": payload for name, payload in messages().items()},
        "key.pub": public,
    }


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files().items():
        (folder / name).write_bytes(content)
