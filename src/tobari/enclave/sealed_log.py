"""Entries: what a transaction becomes in the log, and what is read back from it (spec/ledger.md).

Each boot writes a random boot id first; the log key is derived from it, the nonce counts the entries of that boot. A
rolled-back log therefore never makes a nonce repeat: the next boot has another key. The associated data is the leaf
header without the sealed digest: an entry opens at its own place only.
"""

from __future__ import annotations

import secrets
import struct
from collections.abc import Callable
from typing import Any, Literal

import msgspec

from tobari.base import wire
from tobari.base.errors import Broken, TobariError, Untrusted
from tobari.base.logtime import LogTime
from tobari.base.messages.link import Entry
from tobari.base.wire import Message
from tobari.crypto.aead import NONCE, AeadKey
from tobari.crypto.kdf import derive
from tobari.crypto.labels import Label
from tobari.enclave.runtime.kv import Write
from tobari.ledger.entry import LeafHeader, claims_digest, public_digest, sealed_digest

MAX_BODY = 8 << 20
BOOT_ID = 32
_NUMBERS = struct.Struct(">QQQ")


class BootRecord(Message, frozen=True, kw_only=True, tag="boot"):
    """Public body of the first entry of each boot: binds the boot to the log it continues."""

    boot: bytes
    tree_size: int
    root_hash: bytes
    configuration: bytes


class PublicRecord(Message, frozen=True, kw_only=True, tag="entry"):
    """Public body of an entry that shows something: public writes, and what the program disclosed."""

    program: str
    writes: list[tuple[str, bytes, bytes | None]] = msgspec.field(default_factory=list)
    disclosed: dict[str, Any] = msgspec.field(default_factory=dict)


class SealedRecord(Message, frozen=True, kw_only=True):
    """Sealed body: enough to replay the entry and to answer for its command again, and no argument of it."""

    salt: bytes
    claims: bytes
    writes: list[tuple[str, bytes, bytes | None]] = msgspec.field(default_factory=list)
    by: bytes | None = None
    """Thumbprint of the signer; None for the service's own entries."""
    id: bytes | None = None
    expires: int = 0
    status: Literal["COMMITTED", "INVALID"] = "COMMITTED"
    outcome: bytes = b""
    """Canonical CBOR of the outcome's value or error."""

    def with_writes(self, writes: list[Write]) -> SealedRecord:
        return msgspec.structs.replace(self, writes=list(writes))


class OpenedEntry(Message, frozen=True, kw_only=True):
    """An entry as it was written."""

    header: LeafHeader
    leaf: bytes
    """Canonical bytes of the header."""
    public: BootRecord | PublicRecord | None
    record: SealedRecord

    def writes(self) -> list[tuple[str, bytes, bytes | None]]:
        """What it changes: table, key, and the new value or None."""
        if isinstance(self.public, PublicRecord):
            return [*self.record.writes, *self.public.writes]
        return self.record.writes


class SealedLog:
    """Writes entries under this boot's key and reads those of earlier boots. Holds no entries."""

    def __init__(self, *, secret: bytes, service_id: bytes, term: int) -> None:
        self._secret = secret
        self._service_id = service_id
        self._term = term
        self._key: AeadKey | None = None
        self._counter = 0
        self.boot: bytes | None = None

    def start_boot(self) -> bytes:
        """Draw this boot's id; its BootRecord must be the next entry."""
        boot = secrets.token_bytes(BOOT_ID)
        self.use_boot(boot, counter=0)
        return boot

    def use_boot(self, boot: bytes, *, counter: int) -> None:
        """Read on from the `counter`-th entry of an earlier boot."""
        if len(boot) != BOOT_ID:
            raise Untrusted("log.entry", "A boot id has 32 bytes.")
        self.boot = boot
        self._counter = counter
        self._key = AeadKey(derive(self._secret, label=Label.LOG_BOOT, context=boot))

    @property
    def counter(self) -> int:
        """Entries of the current boot so far."""
        return self._counter

    def write(
        self, *, seq: int, time: LogTime, public: BootRecord | PublicRecord | None, record: SealedRecord
    ) -> tuple[Entry, OpenedEntry]:
        """Make the entry that will stand at `seq`."""
        body = b"" if public is None else wire.to_cbor(public)
        shown, claims = public_digest(body), claims_digest(record.salt, record.claims)
        aad = self._aad(seq=seq, term=self._term, time=time, public=shown, claims=claims)
        sealed = self._cipher().seal(nonce=self._nonce(), plaintext=wire.to_cbor(record), aad=aad)
        header = LeafHeader(
            seq=seq, term=self._term, time=time, public=shown, sealed=sealed_digest(sealed), claims=claims
        )
        leaf = header.encode()
        entry = Entry(header=leaf, public=body, sealed=sealed)
        return entry, OpenedEntry(header=header, leaf=leaf, public=public, record=record)

    def read(self, entry: Entry, *, seq: int, root: Callable[[], bytes]) -> OpenedEntry:
        """Open the entry that stands at `seq`, after a log whose root hash `root` gives.

        Raises:
            Untrusted: `log.entry`, if it was altered, moved, or belongs to another history.
        """
        try:
            return self._read(entry, seq=seq, root=root)
        except TobariError:
            raise Untrusted("log.entry", f"Entry {seq} of the log is not what was written there.") from None

    def _read(self, entry: Entry, *, seq: int, root: Callable[[], bytes]) -> OpenedEntry:
        header = LeafHeader.from_bytes(entry.header)
        if (
            header.seq != seq
            or header.public != public_digest(entry.public)
            or header.sealed != sealed_digest(entry.sealed)
        ):
            raise Untrusted("log.entry", "The header does not belong to these bodies.")
        public = _public_record(entry.public)
        if isinstance(public, BootRecord):
            if public.tree_size != seq or public.root_hash != root():
                raise Untrusted("log.entry", "This boot continued another log.")
            self.use_boot(public.boot, counter=0)
        aad = self._aad(seq=seq, term=header.term, time=header.time, public=header.public, claims=header.claims)
        body = self._cipher().open(nonce=self._nonce(), sealed=entry.sealed, aad=aad)
        record = wire.from_cbor(body, SealedRecord, max_bytes=MAX_BODY)
        if header.claims != claims_digest(record.salt, record.claims):
            raise Untrusted("log.entry", "The claims do not belong to this header.")
        return OpenedEntry(header=header, leaf=entry.header, public=public, record=record)

    def _cipher(self) -> AeadKey:
        if self._key is None:
            raise Broken("log.no_boot", "The log does not begin with a boot record.")
        return self._key

    def _nonce(self) -> bytes:
        nonce = self._counter.to_bytes(NONCE, "big")
        self._counter += 1
        return nonce

    def _aad(self, *, seq: int, term: int, time: int, public: bytes, claims: bytes) -> bytes:
        """Service id and every field of the header but the sealed digest, at fixed lengths."""
        return self._service_id + _NUMBERS.pack(seq, term, time) + public + claims


def _public_record(body: bytes) -> BootRecord | PublicRecord | None:
    if not body:
        return None
    kind: Any = BootRecord | PublicRecord
    record: BootRecord | PublicRecord = wire.from_cbor(body, kind, max_bytes=MAX_BODY)
    return record
