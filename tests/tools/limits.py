"""The list of limits on what comes from outside: `python -m tests.tools.limits` writes docs/reference/limits.md.

Values are read from the code, the host's and the workers' descriptions too. A test holds the page current, and every
constant in src that is named as a maximum to be in it, or among those that bound what we write ourselves.
"""

from __future__ import annotations

import ast
import dataclasses
import importlib
import inspect
import pathlib
from collections.abc import Iterator
from typing import NamedTuple

from tobari.enclave.workers.job import Limits as WorkerLimits
from tobari.host.config import Limits as HostLimits

ROOT = pathlib.Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src"
PAGE = ROOT / "docs" / "reference" / "limits.md"
CUT = "cut"
"""Instead of a code: the connection ends without an answer."""

HEADER = """# Limits

Written by `python -m tests.tools.limits` from the code; a test holds it current.

Everything that comes from outside has a limit before it is parsed or kept. Above it there is an error with the
[code](errors.md) named here, or, where it says *cut*, the connection ends without an answer: whoever does that is
broken or hostile. Sizes are in bytes, times in seconds, unless the row says otherwise.
"""


class Limit(NamedTuple):
    """One row. `constant` is `module:NAME` below `tobari`."""

    what: str
    constant: str
    code: str


PARTS: dict[str, list[Limit]] = {
    "Every message": [
        Limit("nesting of CBOR", "base.cbor:MAX_DEPTH", "cbor.malformed"),
        Limit("protected header of a COSE_Sign1", "base.cose:MAX_PROTECTED", "cbor.too_large"),
        Limit("dots on a line of TOML outside of quotes", "base.toml:MAX_DOTS", "toml.malformed"),
    ],
    "Calls, from clients to the enclave and back": [
        Limit("sealed envelope, in either direction", "base.messages.command:MAX_ENVELOPE", "envelope.too_large"),
        Limit("plaintext in it", "crypto.padding:MAX_BODY", "envelope.too_large"),
        Limit("signed commands in an envelope", "base.messages.command:MAX_COMMANDS", "envelope.too_many"),
        Limit("milliseconds a command may expire ahead", "base.messages.command:MAX_LIFETIME", "command.lifetime"),
        Limit(
            "keys and values that one command writes",
            "enclave.runtime.transaction:MAX_WRITTEN",
            "transaction.too_large",
        ),
        Limit("writes of one command", "enclave.runtime.transaction:MAX_WRITES", "transaction.too_large"),
        Limit("value that one command returns", "enclave.executor:MAX_OUTCOME", "program.outcome"),
        Limit("entries that wait for the disk", "enclave.keeper:MAX_WAITING", "service.busy"),
        Limit("unfinished jobs", "enclave.runtime.transaction:MAX_RUNNING", "job.too_many"),
        Limit("unfinished jobs of one member", "enclave.runtime.transaction:MAX_RUNNING_EACH", "job.too_many"),
    ],
    "Rooms": [
        Limit("datasets of a room", "enclave.programs.room:MAX_DATASETS", "room.full"),
        Limit("objects of a dataset", "enclave.programs.room:MAX_OBJECTS", "message.malformed"),
        Limit("objects of a room", "enclave.programs.room:MAX_ROOM_OBJECTS", "room.too_large"),
        Limit("one object", "enclave.programs.room:MAX_OBJECT_BYTES", "room.too_large"),
        Limit("objects of a room together", "enclave.programs.room:MAX_ROOM_BYTES", "room.too_large"),
        Limit("rows of a room", "enclave.programs.room:MAX_ROOM_ROWS", "room.too_large"),
        Limit("decoded data of a room", "enclave.programs.room:MAX_ROOM_DECODED", "room.too_large"),
        Limit("data terms", "rules.query.terms:MAX_TERMS", "terms.too_large"),
        Limit("characters of a column's name", "rules.query.terms:MAX_NAME", "terms.name"),
        Limit("query", "rules.query.parse:MAX_BYTES", "query.too_large"),
        Limit("words and signs of a query", "rules.query.parse:MAX_TOKENS", "query.too_complex"),
        Limit("nesting of a query", "rules.query.parse:MAX_NESTING", "query.too_complex"),
        Limit("columns that a query releases", "rules.query.reading:MAX_OUTPUTS", "query.too_complex"),
        Limit("columns that a query groups by", "rules.query.reading:MAX_GROUPS", "query.too_complex"),
        Limit("values that a query aggregates", "rules.query.reading:MAX_VALUES", "query.too_complex"),
        Limit("columns of an owner's file", "enclave.workers.tables:MAX_COLUMNS", "dataset.size"),
    ],
    "What the enclave takes from its host and its workers": [
        Limit("frame of the link", "base.messages.link:MAX_FRAME", "link.too_large"),
        Limit("genesis", "base.messages.genesis:MAX_GENESIS", "cbor.too_large"),
        Limit("sealed state", "enclave.identity:MAX_SEALED", "cbor.too_large"),
        Limit("sealed snapshot", "enclave.snapshot:MAX_SNAPSHOT", "snapshot.open"),
        Limit("body of a log entry", "enclave.sealed_log:MAX_BODY", "log.entry"),
        Limit("report of a worker", "enclave.workers.report:MAX_REPORT", "worker.died"),
        Limit("jobs at the worker server", "enclave.workers.server:MAX_WAITING", "worker.busy"),
        Limit("objects of one job", "enclave.workers.job:MAX_OBJECTS", "worker.objects"),
        Limit("message between keeper and worker server", "enclave.workers.channel:MAX_DATAGRAM", "worker.channel"),
    ],
    "What `tobari proxy` takes from programs on its machine": [
        Limit("body in JSON", "cli.proxy.limits:MAX_BODY", "http.too_large"),
        Limit("dataset", "cli.proxy.limits:MAX_DATASET", "proxy.too_large"),
        Limit("requests in progress", "cli.proxy.limits:MAX_REQUESTS", "host.busy"),
        Limit("streams of statuses among them", "cli.proxy.limits:MAX_STREAMS", "host.busy"),
        Limit("datasets among them", "cli.proxy.limits:MAX_DATASETS", "host.busy"),
    ],
    "What clients and verifiers take from anybody": [
        Limit("relayed answer", "base.messages.relay:MAX_RELAYED", "cbor.too_large"),
        Limit("problem report of a host", "client.http:MAX_PROBLEM", "client.response_too_large"),
        Limit("characters of an address", "client.address:MAX_ADDRESS", "client.url"),
        Limit("characters of an invite", "client.invite:MAX_INVITE", "invite.too_large"),
        Limit("files that one proof is made of", "client.tiles:MAX_FILES", "client.tiles"),
        Limit("evidence bundle, in any spelling", "evidence.bundle:MAX_BUNDLE", "evidence.too_large"),
        Limit("claims in evidence", "evidence.claims:MAX_CLAIMS", "evidence.claims"),
        Limit("report of platform `virtual`", "evidence.formats.virtual:MAX_REPORT", "evidence.report"),
        Limit("characters of an appraisal policy", "evidence.policy:MAX_POLICY", "policy.malformed"),
        Limit("signed note", "ledger.note:MAX_NOTE", "note.too_large"),
        Limit("signatures of a note", "ledger.note:MAX_SIGNATURES", "note.too_large"),
        Limit("characters of a key's name", "ledger.note:MAX_NAME", "note.key"),
        Limit("entries of a tree", "ledger.proof:MAX_SIZE", "checkpoint.malformed"),
        Limit("hashes of a proof", "ledger.proof:MAX_PROOF", "proof.too_large"),
        Limit("characters of a proof file", "ledger.tlog_proof:MAX_TLOG_PROOF", "proof.too_large"),
        Limit("extra data of a proof file", "ledger.tlog_proof:MAX_EXTRA", "cbor.too_large"),
        Limit("leaf header", "ledger.entry:MAX_HEADER", "cbor.too_large"),
        Limit("claims of an entry", "ledger.entry:MAX_CLAIMS", "message.malformed"),
        Limit("public body of an entry", "ledger.entry:MAX_PUBLIC", "ledger.bundle"),
        Limit("level of a hash tile", "ledger.tiles:MAX_LEVEL", "ledger.path"),
    ],
}

OURS = {
    "base.messages.objects:MAX_OBJECT": "what the format can name; host and rooms take less",
    "cli.proxy.limits:MAX_REMEMBERED": "what the proxy keeps of its own commands",
    "client.protocol:MAX_QUESTIONS": "what a client asks at a time",
    "enclave.executor:MAX_ATTEMPTS": "what the enclave tries itself",
    "enclave.executor:MAX_MESSAGE": "texts of errors that a program makes",
    "enclave.keeper:MAX_PUBLISH": "what the enclave puts into one frame",
    "enclave.programs.currency:MAX_SUPPLY": "a rule of the program",
    "enclave.programs.room:MAX_LISTED": "what the room lists at a time",
    "enclave.workers.job:MAX_ASSIGNMENT": "what the keeper hands to a worker",
    "enclave.workers.server:MAX_RUNNING": "workers at a time",
}
"""Maxima of what we write, or rules that are no limits on input, each with its reason."""

HOST_CODES = {
    "requests_per_second": "host.rate",
    "burst": "host.rate",
    "addresses": "",
    "concurrent": "host.busy, host.share",
    "pending": "host.busy",
    "transfers": "host.busy, host.share",
    "connections": CUT,
    "pipelined": CUT,
    "head_bytes": CUT,
    "head_fields": CUT,
    "head_seconds": CUT,
    "piece_seconds": "http.slow",
    "call_seconds": "host.timeout",
    "object_bytes": "object.too_large",
    "quota_bytes": "object.quota",
    "partials": "",
    "partial_bytes": "",
    "partial_seconds": "",
    "reserve_bytes": "host.disk_full, object.disk_full",
    "stop_seconds": "",
}
WORKER_CODES = {
    "seconds": "worker.timeout",
    "memory": "worker.memory",
    "input_bytes": "dataset.size",
    "input_rows": "dataset.size",
    "rows": "worker.rows",
    "result_bytes": "worker.result",
}


def value(constant: str) -> int:
    module, name = constant.split(":")
    found: int = getattr(importlib.import_module(f"tobari.{module}"), name)
    return found


def maxima() -> set[str]:
    """Every module-level constant of the package that is named as a maximum, apart from private ones."""
    found = set()
    for path in SOURCE.rglob("*.py"):
        module = ".".join(path.relative_to(SOURCE / "tobari").with_suffix("").parts)
        if module.startswith("cli.") and not module.startswith("cli.proxy."):
            continue  # what a person's own program takes from that person
        for node in ast.parse(path.read_text("utf-8")).body:
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                name = node.targets[0].id
                if name.startswith("MAX_"):
                    found.add(f"{module}:{name}")
    return found


def described(kind: type) -> Iterator[tuple[str, object, str]]:
    """Name, default and description of each field of a class of limits."""
    body = ast.parse(inspect.getsource(kind)).body[0]
    assert isinstance(body, ast.ClassDef)
    defaults = (
        {field.name: field.default for field in dataclasses.fields(kind)} if dataclasses.is_dataclass(kind) else {}
    )
    for node, following in zip(body.body, [*body.body[1:], None], strict=True):
        if not isinstance(node, ast.AnnAssign) or not isinstance(node.target, ast.Name):
            continue
        name, text = node.target.id, ""
        if isinstance(following, ast.Expr) and isinstance(following.value, ast.Constant):
            text = " ".join(str(following.value.value).split())
        yield name, defaults.get(name, getattr(kind(), name)), text


def page() -> str:
    parts = [
        HEADER,
        "\n## HTTP, at the host\n\n`Limits` in `tobari.host.config`; whoever runs a host may change them.\n\n",
    ]
    parts += _fields(HostLimits, HOST_CODES)
    for title, limits in PARTS.items():
        parts.append(f"\n## {title}\n\n| what | at most | where | code |\n|---|---|---|---|\n")
        for limit in limits:
            module, name = limit.constant.split(":")
            shown = f"{value(limit.constant):,}"
            parts.append(f"| {limit.what} | {shown} | `tobari.{module}`, `{name}` | {_codes(limit.code)} |\n")
    parts.append("\n## One job of a worker\n\n`Limits` in `tobari.enclave.workers.job`.\n\n")
    parts += _fields(WorkerLimits, WORKER_CODES)
    return "".join(parts)


def _fields(kind: type, codes: dict[str, str]) -> Iterator[str]:
    yield "| name | value | what | code |\n|---|---|---|---|\n"
    for name, default, text in described(kind):
        yield f"| `{name}` | {default:,} | {text} | {_codes(codes[name])} |\n"


def _codes(codes: str) -> str:
    return ", ".join(code if code == CUT else f"`{code}`" for code in codes.split(", ") if code)


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
