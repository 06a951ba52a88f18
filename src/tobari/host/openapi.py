"""The description of the HTTP interface (OpenAPI 3.1), written by hand and held to the routes by a test."""

from __future__ import annotations

from typing import Any

from tobari.base.messages.objects import SEALED_CHUNK
from tobari.base.messages.relay import (
    ENVELOPE_TYPE,
    EVIDENCE_TYPE,
    RELAYED_TYPE,
    TREE_SIZE_HEADER,
    UPLOAD_OFFSET_HEADER,
)
from tobari.host.problems import PROBLEM_TYPE

_BYTES = {"type": "string", "format": "binary"}
_PROBLEM = {"$ref": "#/components/responses/Problem"}


def _answer(description: str, media_type: str | None = None, schema: dict[str, Any] | None = None) -> dict[str, Any]:
    content = {"content": {media_type: {"schema": schema or _BYTES}}} if media_type else {}
    return {"description": description, **content}


def _path_parameter(name: str, description: str, pattern: str) -> dict[str, Any]:
    schema = {"type": "string", "pattern": pattern}
    return {"name": name, "in": "path", "required": True, "description": description, "schema": schema}


_ROOT = _path_parameter("root", "RFC 9162 root over the sealed chunks, in hexadecimal.", "^[0-9a-f]{64}$")

_CALL = {
    "operationId": "call",
    "summary": "Relay a sealed envelope to the enclave",
    "parameters": [
        {
            "name": TREE_SIZE_HEADER,
            "in": "header",
            "required": False,
            "description": "Size of the last checkpoint that the client saw.",
            "schema": {"type": "integer", "minimum": 0},
        }
    ],
    "requestBody": {"required": True, "content": {ENVELOPE_TYPE: {"schema": _BYTES}}},
    "responses": {"200": _answer("Relayed (CBOR), see spec/http.md.", RELAYED_TYPE), "default": _PROBLEM},
}

_EVIDENCE = {
    "operationId": "evidence",
    "summary": "Fresh evidence of what the enclave is",
    "parameters": [
        {
            "name": "nonce",
            "in": "query",
            "required": True,
            "description": "32 random bytes in base64url without padding.",
            "schema": {"type": "string", "pattern": "^[A-Za-z0-9_-]{43}$"},
        }
    ],
    "responses": {"200": _answer("EvidenceBundle (CBOR), see spec/evidence.md.", EVIDENCE_TYPE), "default": _PROBLEM},
}

_CHECKPOINT = {
    "operationId": "checkpoint",
    "summary": "The newest published checkpoint",
    "responses": {
        "200": _answer("A signed note (C2SP tlog-checkpoint).", "text/plain", {"type": "string"}),
        "default": _PROBLEM,
    },
}

_TILE = {
    "operationId": "tile",
    "summary": "A file of the log (C2SP tlog-tiles)",
    "parameters": [
        _path_parameter(
            "tile",
            "`<L>/<N>`, `entries/<N>` or `public/<N>`, each with `.p/<W>` for a partial one. It has slashes in it.",
            r"^(\d|entries|public)/(x\d{3}/)*\d{3}(\.p/\d{1,3})?$",
        )
    ],
    "responses": {"200": _answer("The file.", "application/octet-stream"), "default": _PROBLEM},
}

_GET_OBJECT = {
    "operationId": "getObject",
    "summary": "A sealed object",
    "responses": {"200": _answer("Its sealed chunks.", "application/octet-stream"), "default": _PROBLEM},
}

_OFFSET: dict[str, Any] = {
    "description": "Bytes of an object whose upload was cut off that are here: a multiple of 1048592.",
    "schema": {"type": "integer", "minimum": 0, "multipleOf": SEALED_CHUNK},
}

_HEAD_OBJECT = {
    "operationId": "headObject",
    "summary": "Whether the host has a sealed object, or where to go on with it",
    "responses": {
        "200": _answer("It has; Content-Length is its size."),
        "404": {**_answer("It has not, or a part only."), "headers": {UPLOAD_OFFSET_HEADER: _OFFSET}},
    },
}

_PUT_OBJECT = {
    "operationId": "putObject",
    "summary": "Keep a sealed object",
    "parameters": [{"name": UPLOAD_OFFSET_HEADER, "in": "header", "required": False, **_OFFSET}],
    "requestBody": {"required": True, "content": {"application/octet-stream": {"schema": _BYTES}}},
    "responses": {
        "200": _answer("The host had it already."),
        "201": _answer("It is kept, durably."),
        "default": _PROBLEM,
    },
}


def _probe(name: str, summary: str, description: str) -> dict[str, Any]:
    good = _answer(description, "application/json", {"type": "object"})
    return {"get": {"operationId": name, "summary": summary, "responses": {"200": good, "default": _PROBLEM}}}


DOCUMENT: dict[str, Any] = {
    "openapi": "3.1.0",
    "info": {
        "title": "Tobari host",
        "version": "1",
        "summary": "Relays sealed calls, keeps a verifiable log and sealed objects.",
        "description": "Nothing the host says is trusted: clients check signatures, receipts and proofs.",
        "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
    },
    "paths": {
        "/v1/call": {"post": _CALL},
        "/v1/evidence": {"get": _EVIDENCE},
        "/v1/ledger/checkpoint": {"get": _CHECKPOINT},
        "/v1/ledger/tile/{tile}": {"get": _TILE},
        "/v1/objects/{root}": {
            "parameters": [_ROOT],
            "get": _GET_OBJECT,
            "head": _HEAD_OBJECT,
            "put": _PUT_OBJECT,
        },
        "/healthz": _probe("healthz", "Whether the process lives", "It does."),
        "/readyz": _probe("readyz", "Whether calls are taken", "They are; the log's origin and verifier key."),
        "/v1/openapi.json": _probe("openapi", "This document", "OpenAPI 3.1."),
    },
    "components": {
        "responses": {
            "Problem": _answer("Problem details (RFC 9457).", PROBLEM_TYPE, {"$ref": "#/components/schemas/Problem"})
        },
        "schemas": {
            "Problem": {
                "type": "object",
                "required": ["type", "title", "status", "detail", "code"],
                "properties": {
                    "type": {"const": "about:blank"},
                    "title": {"type": "string"},
                    "status": {"type": "integer"},
                    "detail": {"type": "string", "description": "What to do next."},
                    "code": {"type": "string", "description": "Stable; see docs/reference/errors.md."},
                },
            }
        },
    },
}
