"""A whole service in memory: the real keeper, and a host just large enough to answer the client over httpx2.

The host is honest unless a test tampers: `mangle` sees every response and may return another one, `drop` loses some.
"""

from __future__ import annotations

import base64
import dataclasses
import secrets
import time
from collections.abc import Callable
from typing import Any

import httpx2
import msgspec

from tobari.base import wire
from tobari.base.errors import Conflict, TobariError, from_status
from tobari.base.messages import link
from tobari.base.messages.genesis import Genesis, Member
from tobari.base.messages.objects import SEALED_CHUNK
from tobari.base.messages.relay import EVIDENCE_TYPE, RELAYED_TYPE, TREE_SIZE_HEADER, Relayed
from tobari.base.principal import Role
from tobari.crypto.signing import SigningKey
from tobari.enclave.attester import Attester
from tobari.enclave.keeper import CancelJob, Keeper, StartJob
from tobari.enclave.platform.virtual import VirtualPlatform
from tobari.enclave.programs.currency import Currency
from tobari.enclave.programs.service import Service
from tobari.evidence import bundle
from tobari.evidence.policy import AppraisalPolicy
from tobari.evidence.strictest import policy_from
from tobari.evidence.verify import verify
from tobari.ledger.checkpoint import Checkpoint
from tobari.ledger.note import NoteKey
from tobari.ledger.path import leaf_hash
from tobari.ledger.tiles import WIDTH, TilePath, encode_bundle, tile
from tobari.ledger.tree import Tree

URL = "http://service.test:8420"
ROLES = {"bank": [Role.ISSUER], "shop": [], "client": []}


def now() -> int:
    return time.time_ns() // 1_000_000


def checkpoint_of(note: str) -> Checkpoint:
    """What a note says, unverified."""
    return Checkpoint.parse(note.rpartition("\n\n")[0] + "\n")


@dataclasses.dataclass
class Disk:
    """All that an operator has of a service."""

    entries: list[link.Entry] = dataclasses.field(default_factory=list)
    sealed: bytes | None = None
    snapshot: bytes | None = None
    checkpoint: str | None = None
    objects: dict[str, bytes] = dataclasses.field(default_factory=dict)

    def copy(self) -> Disk:
        return dataclasses.replace(self, entries=list(self.entries), objects=dict(self.objects))


class MemoryService:
    """`boot` it; hand its transports to the client; edit its disk and boot again."""

    def __init__(self, *, root: bytes | None = None, keys: dict[str, SigningKey] | None = None) -> None:
        self.keys = keys or {name: SigningKey.generate() for name in ROLES}
        self.genesis = Genesis(
            name="test",
            members=[Member(name=name, key=key.public.raw.hex(), roles=ROLES[name]) for name, key in self.keys.items()],
            programs=["currency"],
        )
        self.disk = Disk()
        self.root = root or secrets.token_bytes(32)
        self.measurement = b"\x06" * 32
        self.clock: Callable[[], int] = now
        self.skew = 0
        """Milliseconds the host's clock is ahead."""
        self.requests: list[httpx2.Request] = []
        self.mangle: Callable[[httpx2.Request, httpx2.Response], httpx2.Response] = lambda _, response: response
        self.lose: Callable[[httpx2.Request], bool] = lambda _: False
        """Whether to lose the response to a request, after it was carried out."""
        self.partials: dict[str, bytes] = {}
        """Whole chunks of uploads that were cut off."""
        self.cuts: list[int] = []
        """Cuts the next uploads off, after so many chunks each."""
        self.snapshot_every = 1000

    # --- the link ---

    def boot(self) -> MemoryService:
        self.replies: dict[int, bytes] = {}
        self.refusals: dict[int, link.Refusal] = {}
        self.evidence: dict[int, bytes] = {}
        self.halted: link.Halt | None = None
        self.ready: link.Ready | None = None
        self.tree = Tree()
        self.tree.extend(leaf_hash(entry.header) for entry in self.disk.entries)
        self.numbers = iter(range(1, 1 << 30))
        platform = VirtualPlatform(root=self.root, measurement=self.measurement)
        programs = {"service": Service(), "currency": Currency()}
        attester = Attester(platform=platform, programs=dict.fromkeys(programs, bytes(32)), guards=["seccomp"])
        self.keeper = Keeper(
            platform=platform, programs=programs, attester=attester, snapshot_every=self.snapshot_every
        )
        self.give(
            link.Boot(
                genesis=self.genesis.encode(),
                sealed=self.disk.sealed,
                snapshot=self.disk.snapshot,
                checkpoint=self.disk.checkpoint,
                log_size=len(self.disk.entries),
            )
        )
        return self

    def stop(self) -> None:
        """A clean stop: writes a snapshot."""
        self.give(link.Stop())

    def give(self, message: Any) -> None:
        for output in self.keeper.receive(message, now=self.clock() + self.skew):
            self._take(output)

    def _take(self, output: Any) -> None:
        match output:
            case link.StoreSealed(sealed=sealed):
                self.disk.sealed = sealed
            case link.StoreSnapshot(snapshot=snapshot):
                self.disk.snapshot = snapshot
            case link.ReplayFrom(first=first):
                self.replayed_from = first
                if first < len(self.disk.entries):
                    self.give(link.Replay(first=first, entries=self.disk.entries[first:]))
                self.give(link.Live())
            case link.Append(batch=batch, entries=entries):
                self.disk.entries += entries
                self.tree.extend(leaf_hash(entry.header) for entry in entries)
                self.give(link.Appended(batch=batch))
            case link.Publish(checkpoint=checkpoint, replies=replies):
                self.disk.checkpoint = checkpoint
                self.replies.update({reply.request: reply.response for reply in replies})
            case link.Evidence(request=request, evidence=evidence):
                self.evidence[request] = evidence
            case link.Ready():
                self.ready = output
            case link.Refusal(request=request):
                self.refusals[request] = output
            case link.Halt():
                self.halted = output
            case StartJob() | CancelJob() | link.Stopped():
                pass
            case _:
                raise AssertionError(output)

    # --- what a client needs to know beforehand ---

    @property
    def key(self) -> NoteKey:
        assert self.ready is not None
        return NoteKey.from_vkey(self.ready.vkey)

    @property
    def policy(self) -> AppraisalPolicy:
        """Pins this service's root, code and id; any epoch."""
        self.give(link.Attest(request=0, nonce=bytes(32)))
        strictest = policy_from(verify(bundle.decode(self.evidence[0]), at=now()))
        return msgspec.structs.replace(strictest, epochs=None)

    # --- HTTP ---

    @property
    def transport(self) -> httpx2.MockTransport:
        return httpx2.MockTransport(self._serve)

    @property
    def async_transport(self) -> httpx2.MockTransport:
        async def serve(request: httpx2.Request) -> httpx2.Response:
            await request.aread()
            return self._serve(request)

        return httpx2.MockTransport(serve)

    def _serve(self, request: httpx2.Request) -> httpx2.Response:
        request.read()
        self.requests.append(request)
        try:
            response = self._route(request)
        except TobariError as error:
            response = problem(error)
        if self.lose(request):
            raise httpx2.ReadError("lost on the way")
        response = self.mangle(request, response)
        # A response that was made in one piece counts as read; the client streams what it reads.
        return httpx2.Response(
            response.status_code, headers=response.headers, stream=httpx2.ByteStream(response.content)
        )

    def _route(self, request: httpx2.Request) -> httpx2.Response:
        path = request.url.path
        if path == "/v1/evidence":
            return self._attest(request)
        if path == "/v1/call":
            return self._call(request)
        if path == "/v1/ledger/checkpoint":
            assert self.disk.checkpoint is not None
            return httpx2.Response(200, text=self.disk.checkpoint)
        if path.startswith("/v1/ledger/"):
            return found(self.ledger_file(path.removeprefix("/v1/ledger/")))
        if path.startswith("/v1/objects/"):
            name = path.removeprefix("/v1/objects/")
            if request.method == "PUT":
                return self._put(name, request)
            if request.method == "HEAD":
                offset = {"upload-offset": str(len(self.partials[name]))} if name in self.partials else {}
                return httpx2.Response(200) if name in self.disk.objects else httpx2.Response(404, headers=offset)
            return found(self.disk.objects.get(name))
        return httpx2.Response(404)

    def _put(self, name: str, request: httpx2.Request) -> httpx2.Response:
        offset = int(request.headers.get("upload-offset", "0"))
        begun = self.partials.get(name, b"") if offset else b""
        if len(begun) != offset:
            raise Conflict("object.offset", "The host has another part.")
        self.partials.pop(name, None)
        if self.cuts:
            self.partials[name] = begun + request.content[: self.cuts.pop(0) * SEALED_CHUNK]
            raise httpx2.WriteError("cut off")
        self.disk.objects[name] = begun + request.content
        return httpx2.Response(201)

    def _attest(self, request: httpx2.Request) -> httpx2.Response:
        number = next(self.numbers)
        nonce = base64.urlsafe_b64decode(request.url.params["nonce"] + "=")
        self.give(link.Attest(request=number, nonce=nonce))
        return httpx2.Response(200, content=self.evidence[number], headers={"content-type": EVIDENCE_TYPE})

    def _call(self, request: httpx2.Request) -> httpx2.Response:
        number = next(self.numbers)
        self.give(link.Call(request=number, envelope=request.content))
        if number in self.refusals:
            refusal = self.refusals[number]
            raise from_status(refusal.status, refusal.code, refusal.message)
        return self.relayed(self.replies[number], seen=int(request.headers.get(TREE_SIZE_HEADER, "0")))

    def relayed(self, response: bytes, *, seen: int, note: str | None = None) -> httpx2.Response:
        """An answer as an honest host relays it; it may be any of its checkpoints."""
        assert self.disk.checkpoint is not None
        note = note or self.disk.checkpoint
        size = checkpoint_of(note).tree_size
        proof = self.tree.consistency_proof(seen, size) if 0 < seen < size else []
        content = wire.to_cbor(Relayed(response=response, checkpoint=note, consistency=proof))
        return httpx2.Response(200, content=content, headers={"content-type": RELAYED_TYPE})

    def ledger_file(self, path: str) -> bytes | None:
        """A public file of the log, if its tree fills it."""
        if path == "checkpoint":
            assert self.disk.checkpoint is not None
            return self.disk.checkpoint.encode()
        where = TilePath.parse(path)
        first, entries = where.index * WIDTH, self.disk.entries
        if isinstance(where.kind, int):
            return tile(self.tree, where)
        if first + where.width > len(entries):
            return None
        part = entries[first : first + where.width]
        return encode_bundle(where.kind, [entry.header if where.kind == "entries" else entry.public for entry in part])


def found(content: bytes | None) -> httpx2.Response:
    return httpx2.Response(404) if content is None else httpx2.Response(200, content=content)


def problem(error: TobariError) -> httpx2.Response:
    body = {"type": "about:blank", "title": "", "status": error.status, "detail": error.message, "code": error.code}
    return httpx2.Response(error.status, json=body, headers={"content-type": "application/problem+json"})
