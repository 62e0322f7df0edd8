"""The contract as an AsyncAPI 3.0 document, generated from the same structs and names that run.

`python -m edge_agent.contract.asyncapi FILE`. Operations are the gateway's: it sends up, it receives down.
"""

import sys
from pathlib import Path
from typing import Any

import msgspec

from edge_agent import __version__
from edge_agent.contract import examples, topics
from edge_agent.contract.checkpoint import CheckpointMessage
from edge_agent.contract.envelope import Envelope
from edge_agent.contract.messages import (
    ACK_EXPIRY_S,
    COMMAND_TTL_S,
    AckMessage,
    BirthMessage,
    ManifestMessage,
    StateMessage,
)
from edge_agent.contract.schemas import as_text
from edge_agent.contract.telemetry import TelemetryMessage
from edge_agent.model.commands import Command
from edge_agent.model.encoding import json_schemas
from edge_agent.model.events import EVENTS, Event
from edge_agent.model.grants import PeopleChunk

BINDING = "0.2.0"  # of the MQTT bindings
EVENT_TYPE = "application/cloudevents+json"
KEEPALIVE_S = 20
WILL_DELAY_S = 30
SENT = (*topics.UP_KINDS, "tel")
RETAINED = ("state", "cfg", "content", "host")

DESCRIPTION = """\
What a gateway and its city say to each other over MQTT 5 (or 3.1.1), at QoS 1 (telemetry: 0).

**confirm = "city"** (the default): an event leaves the gateway's outbox only when the city's signed acknowledgement
covers it. The city acknowledges after its own commit, cumulatively: all up to `upto`, and the islands `have`. It
answers every birth with one; before that the gateway sends nothing. What the gateway accepted minus what the city
stored is 0.

**confirm = "broker"**: for a platform that merely subscribes. A PUBACK below 0x80 that is not 0x10 (nobody is
subscribed) confirms. No acknowledgement, credit or answer to the birth is needed; what the broker loses is lost.

Signatures are Ed25519 over the canonical JSON (keys sorted, no spaces, UTF-8) of the message without `sig`, base64url
without padding; `kid` is the first 16 hex digits of SHA-256 over the public key. Events are chained: hash =
SHA-256(prev, `data` as canonical JSON, sequence as 8 bytes big-endian); the first `prev` is SHA-256 of the epoch's 32
hex characters.
"""

_KINDS = {
    "evt": "Events: passages, doors, devices, the agent itself.",
    "alr": "Alerts: duress, panic, fire. The same envelope.",
    "rsp": "What became of commands. The same envelope.",
    "birth": "The gateway introduces itself, signed, at the beginning of every connection, until it is answered.",
    "state": "online or offline, retained; also the will. An offline whose bdseq is not the last birth's is ignored.",
    "mark": "The gateway's word, signed, about a row that was acknowledged and its hash: so much the city must have.",
    "tel": "How the gateway is, once a minute at QoS 0: for a map and its colours. Not signed, never repeated.",
    "ack": "What the city holds, signed. Losing one is harmless: the next says all of it again.",
    "cmd": "A command, signed by a key the broker does not hold. Never retained, gone after 30 s.",
    "cfg": "Who may pass, as a signed list of pieces by hash, retained: the newest is all that counts.",
    "content": "A piece of such a list, or an agent.toml, retained until the gateway has fetched it by its SHA-256.",
    "host": "Whether somebody of the city listens, retained; also a will. While it says offline, gateways wait.",
}
_MESSAGES: dict[str, tuple[type[msgspec.Struct], str]] = {
    "birth": (BirthMessage, "birth"), "state": (StateMessage, "state"),
    "mark": (CheckpointMessage, "checkpoint"),
    "tel": (TelemetryMessage, "telemetry"), "ack": (AckMessage, "ack"), "cmd": (Command, "command"),
    "cfg": (ManifestMessage, "manifest"), "content": (PeopleChunk, "content"), "host": (StateMessage, "state"),
}  # fmt: skip


_OURS = {"birth", "checkpoint", "telemetry"}  # said by gateways alone


def document() -> dict[str, Any]:
    kinds = [Envelope, *(kind for kind, _ in _MESSAGES.values()), *EVENTS]
    schemas = json_schemas(kinds, "#/components/schemas/{name}")
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "edge-agent uplink", "version": __version__, "description": DESCRIPTION},
        "defaultContentType": "application/json",
        "servers": {"city": _server()},
        "channels": {kind: _channel(kind) for kind in _KINDS},
        "operations": {kind: _operation(kind) for kind in _KINDS},
        "components": {
            "messages": {**{event.tag: _event(event) for event in EVENTS}, **_signed()},
            "schemas": {name: _draft_7(schema) for name, schema in schemas.items()},
        },
    }


def _server() -> dict[str, Any]:
    will = {"topic": topics.up("{gateway}", "state"), "qos": 1, "retain": True, "message": '{"state":"offline",…}'}
    return {
        "host": "broker.city.example:8883",
        "protocol": "secure-mqtt",
        "protocolVersion": "5",
        "description": "TLS 1.3; the certificate's CN is the gateway, and the broker lets it use its own topics only. "
        f"Will delay: {WILL_DELAY_S} s.",
        "bindings": {
            "mqtt": {
                "clientId": "{gateway}",
                "cleanSession": True,
                "lastWill": will,
                "keepAlive": KEEPALIVE_S,
                "sessionExpiryInterval": 0,
                "bindingVersion": BINDING,
            }
        },
    }


def _channel(kind: str) -> dict[str, Any]:
    gateway = {"gateway": {"description": f"The gateway's name, {topics.GATEWAY}", "examples": ["G0417"]}}
    match kind:
        case "host":
            address = topics.host("{region}")
            parameters = {"region": {"description": "[uplink] region of its gateways", "examples": ["city"]}}
        case "content":
            address = topics.content("{gateway}", "{sha256}")
            parameters = {**gateway, "sha256": {"description": "SHA-256 of the payload, 64 hex digits"}}
        case _:
            address = (topics.up if kind in SENT else topics.down)("{gateway}", kind)
            parameters = gateway
    return {
        "address": address,
        "description": _KINDS[kind],
        "parameters": parameters,
        "messages": {message: {"$ref": f"#/components/messages/{message}"} for message in _in_channel(kind)},
    }


def _in_channel(kind: str) -> list[str]:
    if kind in _MESSAGES:
        return [_MESSAGES[kind][1]]
    return [event.tag for event in EVENTS if topics.of_event("{gateway}", event.tag).endswith(f"/{kind}")]


def _operation(kind: str) -> dict[str, Any]:
    binding: dict[str, Any] = {"qos": int(kind != "tel"), "retain": kind in RETAINED, "bindingVersion": BINDING}
    if kind in {"ack", "cmd"}:
        binding["messageExpiryInterval"] = ACK_EXPIRY_S if kind == "ack" else COMMAND_TTL_S
    return {
        "action": "send" if kind in SENT else "receive",
        "channel": {"$ref": f"#/channels/{kind}"},
        "summary": _KINDS[kind],
        "bindings": {"mqtt": binding},
    }


def _event(kind: type[Event]) -> dict[str, Any]:
    shown = [message for message, event in zip(examples.stream(), examples.STREAM, strict=True) if type(event) is kind]
    envelope = {"$ref": "#/components/schemas/Envelope"}
    own = {"type": {"const": f"city.{kind.tag}.v1"}, "data": {"$ref": f"#/components/schemas/{kind.__name__}"}}
    return {
        "name": kind.tag,
        "title": kind.tag,
        "summary": " ".join((kind.__doc__ or kind.tag).split()),
        "contentType": EVENT_TYPE,
        "payload": {"allOf": [envelope, {"type": "object", "properties": own}]},
        "bindings": _text(EVENT_TYPE),
        "examples": [{"name": kind.tag, "payload": msgspec.json.decode(message)} for message in shown],
    }


def _text(content_type: str) -> dict[str, Any]:
    return {"mqtt": {"contentType": content_type, "payloadFormatIndicator": 1, "bindingVersion": BINDING}}


def _signed() -> dict[str, Any]:
    shown = examples.messages()
    return {
        name: {
            **({"bindings": _text("application/json")} if name in _OURS else {}),
            "name": name,
            "title": name,
            "summary": " ".join((kind.__doc__ or name).split()),
            "contentType": "application/json",
            "payload": {"$ref": f"#/components/schemas/{kind.__name__}"},
            "examples": [{"name": name, "payload": msgspec.json.decode(shown[name])}],
        }
        for kind, name in _MESSAGES.values()
    }


def _draft_7(schema: Any) -> Any:
    """AsyncAPI's own schema language is a superset of draft 7: there a tuple's members are called `items`."""
    if isinstance(schema, list):
        return [_draft_7(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    changed = {name: _draft_7(value) for name, value in schema.items()}
    if "prefixItems" in changed:
        changed["items"] = changed.pop("prefixItems")
        changed["additionalItems"] = False
    return changed


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(as_text(document()), encoding="utf-8")
