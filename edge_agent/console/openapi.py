"""The OpenAPI document of the JSON API, made of its endpoints."""

import re
from collections.abc import Iterable
from typing import Any

import msgspec

from edge_agent import __version__
from edge_agent.console.endpoint import ROOT, Endpoint, Wrong
from edge_agent.model.encoding import json_schemas
from edge_agent.model.patterns import NO_NEWLINE, whole

PARAMETER = whole(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")  # a person's or a visit's id
REFUSALS = {
    "401": "nobody the gateway knows", "403": "not for this scope or role", "404": "nobody and nothing of that name",
    "409": "refused, and why", "413": "too large", "422": "not what is described here", "429": "too many requests",
}  # fmt: skip


def document(endpoints: Iterable[Endpoint]) -> dict[str, Any]:
    endpoints = tuple(endpoints)
    bodies = [endpoint.body for endpoint in endpoints if endpoint.body is not None]
    answers = [endpoint.answer for endpoint in endpoints]
    components = json_schemas([*answers, *bodies, Wrong], "#/components/schemas/{name}")
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in endpoints:
        paths.setdefault(ROOT + endpoint.path, {})[endpoint.method.lower()] = _operation(endpoint)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "edge-agent console", "version": __version__,
            "description": "Everything the guard's console does. A token's scopes are what it may do; every view of"
            " personal data is an event of the gateway.",
        },
        "servers": [{"url": "/"}],
        "security": [{"token": []}],
        "paths": paths,
        "components": {"schemas": components, "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}},
    }  # fmt: skip


def _operation(endpoint: Endpoint) -> dict[str, Any]:
    made: dict[str, Any] = {
        "operationId": _name(endpoint),
        "summary": endpoint.summary,
        "x-scope": endpoint.right or "",
        "parameters": [*_path(endpoint), *_query(endpoint)],
        "responses": {
            "200": {"description": "done", "content": {"application/json": {"schema": _schema(endpoint.answer)}}},
            **{
                status: {"description": why, "content": {"application/json": {"schema": _schema(Wrong)}}}
                for status, why in REFUSALS.items()
                if status not in {"413", "429"}
            },
            **{
                status: {"description": REFUSALS[status], "content": {"text/plain": {"schema": {"type": "string"}}}}
                for status in ("413", "429")
            },
        },
    }
    if endpoint.body is not None:
        content = {"application/json": {"schema": _schema(endpoint.body)}}
        made["requestBody"] = {"required": True, "content": content}
        made["responses"]["415"] = made["responses"]["422"]
    if endpoint.takes:
        content = {endpoint.takes: {"schema": {"type": "string", "format": "binary"}}}
        made["requestBody"] = {"required": True, "content": content}
    return made


def _name(endpoint: Endpoint) -> str:
    words = re.findall(r"[a-z]+", endpoint.path)
    return "_".join([endpoint.method.lower(), *words])


def _schema(kind: Any) -> Any:
    (schema,), _ = msgspec.json.schema_components([kind], ref_template="#/components/schemas/{name}")
    return schema


def _path(endpoint: Endpoint) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": {"type": "string", "pattern": PARAMETER.removesuffix(NO_NEWLINE)},
        }
        for name in re.findall(r"{(\w+)}", endpoint.path)
    ]


def _query(endpoint: Endpoint) -> list[dict[str, Any]]:
    schema = msgspec.json.schema(endpoint.query, ref_template="#/components/schemas/{name}")
    own = schema["$defs"][endpoint.query.__name__] if "$defs" in schema else schema
    return [
        {"name": name, "in": "query", "required": name in own.get("required", ()), "schema": kind}
        for name, kind in own["properties"].items()
    ]
