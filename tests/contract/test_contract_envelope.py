"""Events on the wire: exact names, both directions, and everything a hostile or damaged message can be."""

import json
from pathlib import Path

import jsonschema
import msgspec
import pytest

from edge_agent.contract import examples, schemas, topics
from edge_agent.contract.envelope import (
    ENVELOPE_MAX_BYTES,
    Envelope,
    EnvelopeError,
    chain_hash,
    genesis,
    identity,
    iso_time,
    read_envelope,
    write_envelope,
)
from edge_agent.contract.messages import BirthMessage
from edge_agent.model.commands import Command
from edge_agent.model.encoding import canonical
from edge_agent.model.events import (
    EVENTS,
    AccessGranted,
    AlertOpened,
    Row,
    UnknownEvent,
    decode_event,
    encode_event,
)
from edge_agent.model.grants import PersonGrant
from edge_agent.model.sightings import Measure
from tests.uplink.rig import EPOCH

PREV = genesis(EPOCH)
GRANTED = AccessGranted(
    door="north-gate",
    direction="in",
    person="p-5f2c",
    category="resident",
    house="3-1-502",
    how=("card",),
    rule="residents-always",
)


def row(body: bytes = b"", tag: str = "access.granted", seq: int = 12345, wall_ms: int = 1_777_878_072_345) -> Row:
    body = body or encode_event(GRANTED)
    return Row(seq, EPOCH, tag, body, wall_ms, "synced", 120, "ab" * 16, 8_123_456, PREV, b"\0" * 32)


def broken(**changes: object) -> bytes:
    message = json.loads(write_envelope(row(), "G0417", False))
    for name, value in changes.items():
        if value is None:
            del message[name]
        else:
            message[name] = value
    return json.dumps(message).encode()


def test_an_event_is_the_contracts_example() -> None:
    """Every name and value of the contract's example, and nothing else."""
    message = json.loads(write_envelope(row(), "G0417", False))
    assert message == {
        "specversion": "1.0",
        "type": "city.access.granted.v1",
        "source": "urn:sc:gw:G0417",
        "id": f"{EPOCH}-00000000000000012345",
        "subject": "door/north-gate",
        "time": "2026-05-04T07:01:12.345Z",
        "dataschema": "urn:sc:schema:access.granted:0",
        "datacontenttype": "application/json",
        "sequence": "00000000000000012345",
        "epoch": EPOCH,
        "bootid": "ab" * 16,
        "upms": 8_123_456,
        "clk": "synced",
        "clkerr": 120,
        "hist": False,
        "prev": PREV.hex(),
        "data": {
            "door": "north-gate",
            "direction": "in",
            "person": "p-5f2c",
            "category": "resident",
            "house": "3-1-502",
            "how": ["card"],
            "rule": "residents-always",
        },
    }


def test_what_was_written_is_read_back() -> None:
    """The event, and the very bytes that the journal hashed, also after a bridge has written the JSON anew."""
    payload = write_envelope(row(), "G0417", True)
    for received in (payload, json.dumps(json.loads(payload), indent=1).encode()):
        envelope, event, body = read_envelope(received, "G0417")
        assert (envelope.seq, envelope.tag, envelope.hist) == (12345, "access.granted", True)
        assert event == GRANTED
        assert body == row().body


def test_a_newer_event_comes_through_unread() -> None:
    """A tag that this version does not know keeps its data; a new field of a known one is ignored, not lost."""
    _, event, body = read_envelope(write_envelope(row(b'{"floor":3}', "lift.stuck"), "G0417", False), "G0417")
    assert event == UnknownEvent("lift.stuck", b'{"floor":3}')
    newer = msgspec.json.encode({**msgspec.to_builtins(GRANTED), "mood": "good"}, order="sorted")
    _, event, body = read_envelope(write_envelope(row(newer), "G0417", False), "G0417")
    assert event == GRANTED
    assert body == newer


@pytest.mark.parametrize(
    ("payload", "at"),
    [
        (b"", "$"),
        (b"{", "$"),
        (b"[]", "$"),
        (b"\xff\xfe{}", "$"),
        (b'{"a":' * 20_000 + b"}" * 20_000, "$"),
        (b" " * (ENVELOPE_MAX_BYTES + 1), "$"),
        (b"x" * 1_000_000, "$"),
        (broken(specversion="0.3"), "$.specversion"),
        (broken(source="urn:sc:gw:G0418"), "$.source"),
        (broken(source=None), "$"),
        (broken(id=f"{EPOCH}-00000000000000012346"), "$.id"),
        (broken(sequence="12345"), "$.sequence"),
        (broken(sequence="0" * 20, id=f"{EPOCH}-" + "0" * 20), "$.sequence"),
        (broken(sequence="9" * 20, id=f"{EPOCH}-" + "9" * 20), "$.sequence"),
        (broken(epoch="xyz"), "$.epoch"),
        (broken(epoch=EPOCH + "\n"), "$.epoch"),
        (broken(upms=-1), "$.upms"),
        (broken(upms=10**30), "$.upms"),
        (broken(upms=True), "$.upms"),
        (broken(clk="maybe"), "$.clk"),
        (broken(prev="00"), "$.prev"),
        (broken(type="city.x"), "$.type"),
        (broken(data=[1]), "$.data"),
        (broken(data={"door": 3}), "$.data.door"),
        (broken(data={}), "$.data"),
    ],
)
def test_what_is_wrong_is_named(payload: bytes, at: str) -> None:
    """Any message that is not an event of this gateway gives one error that names the field."""
    with pytest.raises(EnvelopeError) as caught:
        read_envelope(payload, "G0417")
    assert caught.value.fields["at"] == at
    assert caught.value.text("zh").startswith(at)


def test_a_damaged_body_can_still_be_refused_by_name() -> None:
    """A row that disk damage made unreadable is sent as it is; the city can say which one it refuses."""
    payload = write_envelope(row(b'{"door":"nor\xff\x00'), "G0417", False)
    with pytest.raises(EnvelopeError):
        read_envelope(payload, "G0417")
    assert identity(payload) == (EPOCH, 12345)
    assert identity(b"garbage") is None


def test_times_are_utc_milliseconds() -> None:
    """Also for a clock that was never set and for one that is absurd."""
    assert iso_time(0) == "1970-01-01T00:00:00.000Z"
    assert iso_time(2**62) == "9999-12-31T23:59:59.999Z"
    assert iso_time(-5) == "1970-01-01T00:00:00.000Z"


def test_numbers_are_written_as_other_languages_write_them() -> None:
    """RFC 8785 has 2 for 2.0: who parses `data` and writes it again must get the hash. Old rows stay as they are."""
    why = (Measure("stay", 2.0, 30.5, "s"), Measure("speed", -0.0, 1.0, "m/s"))
    event = AlertOpened(door="", alert="a-1 2.0", kind="loitering", confidence=1.0, why=why, value=3.0)
    body = encode_event(event)
    assert decode_event(event.tag, body) == event
    numbers: list[str] = []
    json.loads(body, parse_float=numbers.append, parse_int=numbers.append)
    assert set(numbers) == {"0", "1", "2", "3", "30.5"}
    assert read_envelope(write_envelope(row(body, event.tag), "G0417", False), "G0417")[2] == body
    large = encode_event(AlertOpened(door="", alert="a-2", kind="gas", value=3.4028234663852886e38, confidence=0.0))
    assert b"3.4028234663852886e38" in large, "as it is written where there is no other number"
    old = canonical(event)
    assert b"30.5" in old
    assert b":2.0}" in old
    assert read_envelope(write_envelope(row(old, event.tag), "G0417", False), "G0417")[2] == old


def test_the_chain_is_sha256() -> None:
    """Computed by coreutils: printf of 32 zeros, and of {} and eight bytes 0 … 1, piped into sha256sum."""
    assert genesis("00" * 16).hex() == "84e0c0eafaa95a34c293f278ac52e45ce537bab5e752a00e6959a13ae103b65a"
    assert chain_hash(b"", b"{}", 1).hex() == "23c5d554143c26a54ba77f7d4cd84597af2c481596ad1bde7b65a60d58b79e86"


@pytest.mark.parametrize(
    ("tag", "topic"),
    [
        ("access.granted", "sc/1/up/G1/evt"),
        ("door.forced", "sc/1/up/G1/evt"),
        ("command.refused", "sc/1/up/G1/rsp"),
        ("alert.opened", "sc/1/up/G1/alr"),
        ("panic.raised", "sc/1/up/G1/alr"),
        ("fire.released", "sc/1/up/G1/alr"),
        ("fireplace.lit", "sc/1/up/G1/evt"),
    ],
)
def test_the_tag_picks_the_topic(tag: str, topic: str) -> None:
    """Results, alarms, everything else; and the city reads the same names."""
    assert topics.of_event("G1", tag) == topic
    assert topics.read_up(topic) == ("G1", topic.rsplit("/", 1)[1])


@pytest.mark.parametrize(
    "topic",
    ["", "sc/1/up/G1/tel", "sc/1/up/../evt", "sc/1/up//evt", "sc/1/up/G1/evt/x", "sc/1/dn/G1/ack", "sc/1/up/.a/evt"],
)
def test_other_topics_are_nobodys(topic: str) -> None:
    """A gateway's name is never a path."""
    assert topics.read_up(topic) is None


def test_the_schemas_in_the_docs_are_current() -> None:
    """`python -m edge_agent.contract.schemas docs/reference/schemas` writes exactly these files."""
    folder = Path(__file__).parents[2] / "docs/reference/schemas"
    written = {str(path.relative_to(folder)): path.read_text("utf-8") for path in folder.rglob("*.json")}
    assert written == {name: schemas.as_text(content) for name, content in schemas.schemas().items()}
    assert len(written) == len(EVENTS) + len(examples.messages()) + 1  # the envelope


def test_real_messages_satisfy_the_schemas(tmp_path: Path) -> None:
    """An independent validator accepts what we send and refuses what our reader refuses."""
    assert schemas.write(tmp_path) == len(schemas.schemas())
    envelope = jsonschema.Draft202012Validator(json.loads((tmp_path / "envelope.json").read_text()))
    data = jsonschema.Draft202012Validator(json.loads((tmp_path / "events/access.granted.json").read_text()))
    message = json.loads(write_envelope(row(), "G0417", False))
    envelope.validate(message)
    data.validate(message["data"])
    for wrong in (broken(upms=-1), broken(source=None), broken(epoch="xyz"), broken(clk="maybe")):
        assert not envelope.is_valid(json.loads(wrong))
    assert not data.is_valid({"door": 3})


@pytest.mark.parametrize(
    ("kind", "field"),
    [(Command, "id"), (BirthMessage, "epoch"), (BirthMessage, "gateway"), (BirthMessage, "boot_id"), (Envelope, "id")],
)
def test_no_name_ends_in_a_newline(kind: type[msgspec.Struct], field: str) -> None:
    """The published schemas say it without a look-ahead, which Go and Rust could not read."""
    name = kind.__name__.removesuffix("Message").lower()
    schema = jsonschema.Draft202012Validator(schemas.schemas()[f"{name}.json"])
    message = json.loads(examples.stream()[0] if kind is Envelope else examples.messages()[name])
    msgspec.json.decode(json.dumps(message), type=kind)
    schema.validate(message)
    spoiled = {**message, field: message[field] + "\n"}
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(json.dumps(spoiled), type=kind)
    assert "(?" not in json.dumps(schema.schema)


def test_nobody_is_granted_under_a_name_that_ends_in_a_newline() -> None:
    grant = {"id": "p-1", "category": "resident", "credentials": [{"kind": "card", "bits": 26, "raw": "ff"}]}
    assert msgspec.convert(grant, PersonGrant).id == "p-1"
    for wrong in ({"id": "p-1\n"}, {"host": "p-2\n"}, {"credentials": [{"kind": "card", "bits": 26, "raw": "ff\n"}]}):
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert(grant | wrong, PersonGrant)
