"""What is published about the contract: judged by parsers that are not ours, and held against every earlier version."""

import base64
import copy
import fcntl
import hashlib
import json
import shutil
import subprocess
import time
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest

from edge_agent import __version__
from edge_agent.contract import asyncapi, examples, history, schemas, topics
from edge_agent.contract.envelope import chain_hash, genesis, read_envelope
from edge_agent.contract.messages import AckMessage, BirthMessage, ManifestMessage, StateMessage, unseal
from edge_agent.contract.signatures import load_public
from edge_agent.model.commands import Command
from edge_agent.model.events import EVENTS, UnknownEvent

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "docs/reference"
PARSER = "@asyncapi/parser@^3.4"
WRONG = ("channel", "schema", "qos")
AGAIN_S = 600  # a registry that did not answer is asked again


@pytest.fixture(scope="module")
def node_modules() -> Path:
    """The parser from the npm registry, installed once for all runs; several test processes may ask at once."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("node and npm are not installed")
    folder = ROOT / ".cache/npm"
    folder.mkdir(parents=True, exist_ok=True)
    in_vain = folder / ".in-vain"  # whoever waited meanwhile does not try the same again: a test has two minutes
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "node_modules/@asyncapi/parser/package.json").exists():
            if in_vain.exists() and time.time() - in_vain.stat().st_mtime < AGAIN_S:
                pytest.skip(in_vain.read_text("utf-8"))
            in_vain.write_text("the npm registry does not answer", "utf-8")
            install = ["npm", "install", "--no-audit", "--no-fund", "--silent", "--prefix", str(folder), PARSER]
            try:
                done = subprocess.run(install, capture_output=True, text=True, timeout=90, check=False, cwd=folder)
            except subprocess.TimeoutExpired:
                pytest.skip(in_vain.read_text("utf-8"))
            if done.returncode:
                in_vain.write_text(f"npm could not install {PARSER}: {(done.stderr or done.stdout).strip()[-200:]}")
                pytest.skip(in_vain.read_text("utf-8"))
            in_vain.unlink()
    return folder


@pytest.fixture(scope="module")
def told(node_modules: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """What the parser says of our document, and of it with one thing wrong: a reference to nothing, a schema that is
    none, a QoS of 7. All at once: it takes two seconds to start.
    """
    folder, paths = tmp_path_factory.mktemp("documents"), [REFERENCE / "asyncapi.json"]
    for change in WRONG:
        document = copy.deepcopy(asyncapi.document())
        match change:
            case "channel":
                document["operations"]["evt"]["channel"]["$ref"] = "#/channels/nowhere"
            case "schema":
                document["components"]["schemas"]["AckMessage"]["properties"]["upto"]["type"] = "number of events"
            case "qos":
                document["operations"]["evt"]["bindings"]["mqtt"]["qos"] = 7
        paths.append(folder / f"{change}.json")
        paths[-1].write_text(json.dumps(document))
    return dict(zip(("ours", *WRONG), parsed(node_modules, *paths), strict=True))


def parsed(node_modules: Path, *paths: Path) -> list[dict[str, Any]]:
    command = ["node", ROOT / "tests/contract/asyncapi_parse.mjs", node_modules, *paths]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    return msgspec.json.decode(done.stdout)


def test_the_documents_are_current() -> None:
    """`make schema` writes exactly these."""
    assert (REFERENCE / "asyncapi.json").read_text("utf-8") == schemas.as_text(asyncapi.document())
    written = {path.name: path.read_bytes() for path in (REFERENCE / "examples").iterdir()}
    assert written == examples.files()


def test_the_official_parser_takes_the_document(told: dict[str, dict[str, Any]]) -> None:
    """All topics and messages are in it, and it finds nothing to complain about."""
    assert told["ours"]["problems"] == []
    counts = dict(told["ours"]["channels"])
    addresses = {topics.up("{gateway}", kind) for kind in (*topics.UP_KINDS, "tel")}
    addresses |= {topics.down("{gateway}", kind) for kind in topics.DOWN_KINDS}
    addresses |= {topics.content("{gateway}", "{sha256}"), topics.host("{region}")}
    assert set(counts) == addresses
    assert sum(counts[topics.up("{gateway}", kind)] for kind in topics.EVENT_KINDS) == len(EVENTS)


def test_the_official_parser_would_have_complained(told: dict[str, dict[str, Any]]) -> None:
    """The check above means something."""
    for change in WRONG:
        assert told[change]["problems"], change


def test_bindings_say_what_the_code_does() -> None:
    """QoS, what is retained (never a command), expiry of what comes down, the will, no session."""
    document = asyncapi.document()
    bindings = {name: each["bindings"]["mqtt"] for name, each in document["operations"].items()}
    assert {name for name, each in bindings.items() if each["retain"]} == {"state", "cfg", "content", "host"}
    assert {name for name, each in bindings.items() if each["qos"] != 1} == {"tel"}
    assert bindings["tel"]["qos"] == 0
    assert (bindings["ack"]["messageExpiryInterval"], bindings["cmd"]["messageExpiryInterval"]) == (60, 30)
    server = document["servers"]["city"]["bindings"]["mqtt"]
    assert (server["sessionExpiryInterval"], server["lastWill"]["retain"], server["lastWill"]["qos"]) == (0, True, 1)
    assert 'confirm = "city"' in document["info"]["description"]
    assert 'confirm = "broker"' in document["info"]["description"]


def test_every_example_satisfies_its_schema() -> None:
    """By an independent validator, from the published files; every event has at least one."""
    published = {path.name: json.loads(path.read_text("utf-8")) for path in (REFERENCE / "schemas").rglob("*.json")}

    @cache
    def validator(name: str) -> jsonschema.Draft202012Validator:
        jsonschema.Draft202012Validator.check_schema(published[name])
        return jsonschema.Draft202012Validator(published[name])

    def check(name: str, content: Any) -> None:
        validator(name).validate(content)

    shown = set()
    for line in (REFERENCE / "examples/events.jsonl").read_text("utf-8").splitlines():
        message = json.loads(line)
        tag = message["type"].removeprefix("city.").removesuffix(".v1")
        check("envelope.json", message)
        check(f"{tag}.json", message["data"])
        shown.add(tag)
    missing = {event.tag for event in EVENTS} - shown
    assert not missing, f"add an example to contract/examples.py, then `make schema`: {sorted(missing)}"
    for name in examples.messages():
        check(f"{name}.json", json.loads((REFERENCE / f"examples/{name}.json").read_text("utf-8")))


def test_the_examples_are_test_vectors() -> None:
    """Signatures and hashes recomputed here from docs/platform.md, with the standard library and the public key."""
    key = load_public(REFERENCE / "examples/key.pub")
    for name, kind in (
        ("ack", AckMessage),
        ("birth", BirthMessage),
        ("command", Command),
        ("manifest", ManifestMessage),
    ):
        payload = (REFERENCE / f"examples/{name}.json").read_bytes()
        unseal(payload, key, kind)
        message = json.loads(payload)
        signature = base64.urlsafe_b64decode(message.pop("sig") + "==")
        key.verify(signature, json.dumps(message, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode())
    msgspec.json.decode((REFERENCE / "examples/state.json").read_bytes(), type=StateMessage)
    prev = None
    for line in (REFERENCE / "examples/events.jsonl").read_text("utf-8").splitlines():
        message = json.loads(line)
        expected = prev or hashlib.sha256(message["epoch"].encode()).digest()
        assert message["prev"] == expected.hex()
        data = json.dumps(message["data"], sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
        prev = hashlib.sha256(expected + data + int(message["sequence"]).to_bytes(8, "big")).digest()


# --- what was published stays readable


def test_this_version_is_kept() -> None:
    assert __version__ in history.kept(REFERENCE / "history"), "run `make snapshot`"


@pytest.mark.parametrize("version", sorted(history.kept(REFERENCE / "history")))
def test_nobody_who_knows_an_earlier_version_is_broken(version: str) -> None:
    """Messages and fields are only added, and what is added need not be there."""
    assert history.differences(history.kept(REFERENCE / "history")[version], schemas.schemas()) == []


@pytest.mark.parametrize(
    "path", sorted((REFERENCE / "history").glob("*/events.jsonl")), ids=lambda path: path.parent.name
)
def test_historic_events_decode_for_ever(path: Path) -> None:
    """Every event ever published, by today's reader, as what it was; and the chain through them is whole."""
    prev = genesis(examples.EPOCH)
    for line in path.read_bytes().splitlines():
        envelope, event, body = read_envelope(line, examples.GATEWAY)
        assert not isinstance(event, UnknownEvent), envelope.tag
        assert event.tag == envelope.tag
        assert bytes.fromhex(envelope.prev) == prev
        prev = chain_hash(prev, body, envelope.seq)


def object_of(properties: dict[str, Any], *required: str) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(required)}


TEXT, NUMBER = {"type": "string"}, {"type": "integer"}


@pytest.mark.parametrize(
    ("now", "why"),
    [
        ({"a.json": object_of({"x": TEXT, "y": NUMBER}, "x")}, []),
        ({"a.json": object_of({"x": {**TEXT, "description": "other words"}, "y": NUMBER}, "x"), "b.json": {}}, []),
        ({"a.json": object_of({"x": TEXT, "y": NUMBER, "z": {**TEXT, "default": ""}}, "x")}, []),
        ({}, ["a.json: is gone"]),
        ({"a.json": object_of({"x": TEXT}, "x")}, ["a.json: $.y is gone"]),
        ({"a.json": object_of({"x": TEXT, "y": NUMBER, "z": TEXT}, "x", "z")}, ["a.json: $.z must be there now"]),
        ({"a.json": object_of({"x": TEXT, "y": NUMBER})}, ["a.json: $.x need not be there any more"]),
        ({"a.json": object_of({"x": NUMBER, "y": NUMBER}, "x")}, ["$.x was"]),
    ],
)
def test_differences_that_matter_are_found(now: dict[str, Any], why: list[str]) -> None:
    found = history.differences({"a.json": object_of({"x": TEXT, "y": NUMBER}, "x")}, now)
    assert len(found) == len(why)
    assert all(expected in told for expected, told in zip(why, found, strict=True))


def test_a_snapshot_is_written_once(tmp_path: Path) -> None:
    assert history.snapshot(tmp_path)
    assert not history.snapshot(tmp_path)
    assert history.kept(tmp_path)[__version__] == json.loads(json.dumps(schemas.schemas()))
