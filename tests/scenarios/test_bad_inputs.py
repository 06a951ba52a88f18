"""A row of bad inputs against the real keeper, each a test with its stable code (docs/reference/errors.md).

Commands, envelopes and log entries go to a keeper in memory; objects are sealed by the SDK and opened by the worker's
own code; the audit reads the public files of the same service.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest

from tests.tools.service import MemoryService, checkpoint_of, now
from tobari.base import cbor, wire
from tobari.base.errors import TobariError
from tobari.base.messages import link
from tobari.base.messages.command import MAX_ENVELOPE, Answer, Command, Outcome
from tobari.base.messages.objects import CHUNK
from tobari.client.objects import DataKey, SealedObject, seal
from tobari.crypto.envelope import seal_request
from tobari.crypto.hpke import Kem, RecipientPublicKey
from tobari.crypto.labels import Label
from tobari.crypto.padding import pad
from tobari.crypto.signing import SigningKey, sign1
from tobari.enclave.runtime.job import Source
from tobari.enclave.workers import memory
from tobari.enclave.workers.failures import JobFailed
from tobari.enclave.workers.objects import open_object
from tobari.evidence import bundle
from tobari.evidence.claims import Claims, read_bound
from tobari.evidence.verify import verify
from tobari.ledger.audit import audit
from tobari.ledger.tiles import encode_bundle

Change = Callable[[list[Any]], list[Any]]


class Stranger:
    """Speaks to the keeper byte by byte, with no SDK in between. May hold a member's key."""

    def __init__(self, service: MemoryService) -> None:
        self.service = service
        self.key = service.keys["bank"]
        service.give(link.Attest(request=0, nonce=bytes(32)))
        verified = verify(bundle.decode(service.evidence[0]), at=now())
        self.claims: Claims = read_bound(verified.claims, report_data=verified.report_data)
        keys = {entry.kem: entry.key for entry in self.claims.kems}
        self.recipient = RecipientPublicKey(Kem.X25519, keys[Kem.X25519])

    def command(self, **changes: Any) -> bytes:
        """The payload of an issue of 1, as it is signed."""
        good = {
            "program": "currency",
            "command": "issue",
            "args": {"to": "bank", "amount": 1},
            "audience": self.claims.service,
            "id": secrets.token_bytes(16),
            "expires": now() + 60_000,
        }
        return wire.to_cbor(Command(**{**good, **changes}))

    def signed(self, **changes: Any) -> bytes:
        return sign1(self.key, self.command(**changes), label=Label.COMMAND)

    def envelope(self, *signed: bytes, epoch: int = 1) -> bytes:
        return self._seal(list(signed), epoch)[0]

    def _seal(self, signed: list[bytes], epoch: int = 1) -> Any:
        return seal_request(self.recipient, service_id=self.claims.service, epoch=epoch, commands=signed)

    def outcome(self, signed: bytes) -> Outcome:
        """What the enclave says to one command."""
        envelope, reply = self._seal([signed])
        number = next(self.service.numbers)
        self.service.give(link.Call(request=number, envelope=envelope))
        answer = wire.from_cbor(reply.open(self.service.replies[number]), Answer, max_bytes=MAX_ENVELOPE)
        return answer.outcomes[0]

    def refusal(self, envelope: bytes) -> str:
        """The code with which an envelope is refused."""
        number = next(self.service.numbers)
        self.service.give(link.Call(request=number, envelope=envelope))
        assert number not in self.service.replies
        return self.service.refusals[number].code


@pytest.fixture
def service() -> MemoryService:
    return MemoryService().boot()


@pytest.fixture
def stranger(service: MemoryService) -> Iterator[Stranger]:
    stranger = Stranger(service)
    yield stranger
    assert service.halted is None, "no input of a client stops the service"
    assert stranger.outcome(stranger.signed()).status == "COMMITTED", "and the next good command is carried out"


# --- commands ---


def refused(stranger: Stranger, signed: bytes) -> str:
    outcome = stranger.outcome(signed)
    assert outcome.status == "INVALID"
    assert outcome.placement is None, "nobody's name stands in the log for it"
    assert outcome.error is not None
    return outcome.error.code


def test_wrong_audience(stranger):
    assert refused(stranger, stranger.signed(audience=bytes(32))) == "command.audience"


def test_expired(stranger):
    outcome = stranger.outcome(stranger.signed(expires=now() - 1))
    assert (outcome.status, outcome.error.code) == ("INVALID", "command.expired")


def test_expires_too_far_ahead(stranger):
    outcome = stranger.outcome(stranger.signed(expires=now() + 660_000))
    assert (outcome.status, outcome.error.code) == ("INVALID", "command.lifetime")


def test_replayed(stranger):
    signed = stranger.signed()
    assert stranger.outcome(signed).status == "COMMITTED"
    assert refused(stranger, signed) == "command.replayed"


def test_replayed_after_a_restart(stranger, service):
    signed = stranger.signed()
    assert stranger.outcome(signed).status == "COMMITTED"
    service.boot()
    assert refused(stranger, signed) == "command.replayed"


def test_unsigned(stranger):
    assert refused(stranger, stranger.command()) == "cose.malformed"
    protected, unprotected, payload, _ = cbor.decode(stranger.signed(), max_bytes=1 << 20)
    for signature in (b"", bytes(64)):
        assert refused(stranger, cbor.encode([protected, unprotected, payload, signature])) == "signature.invalid"


def test_signed_and_altered(stranger):
    protected, unprotected, payload, signature = cbor.decode(stranger.signed(), max_bytes=1 << 20)
    altered = payload.replace(b"bank", b"shop")
    assert altered != payload
    assert refused(stranger, cbor.encode([protected, unprotected, altered, signature])) == "signature.invalid"


def test_signed_for_another_purpose(stranger):
    assert refused(stranger, sign1(stranger.key, stranger.command(), label=Label.TERMS)) == "signature.invalid"


def test_foreign_key(stranger):
    signed = sign1(SigningKey.generate(), stranger.command(), label=Label.COMMAND)
    assert refused(stranger, signed) == "command.foreign_key"


def test_foreign_key_under_a_members_name(stranger):
    """The kid is a member's, the signature is not."""
    protected, unprotected, payload, _ = cbor.decode(stranger.signed(), max_bytes=1 << 20)
    signature = cbor.decode(sign1(SigningKey.generate(), payload, label=Label.COMMAND), max_bytes=1 << 20)[3]
    assert refused(stranger, cbor.encode([protected, unprotected, payload, signature])) == "signature.invalid"


# --- envelopes ---


def test_other_epochs_key(stranger):
    assert stranger.refusal(stranger.envelope(stranger.signed(), epoch=2)) == "envelope.epoch"
    assert stranger.refusal(stranger.envelope(stranger.signed(), epoch=0)) == "envelope.epoch"


def test_another_services_key(stranger):
    stranger.recipient, own = Stranger(MemoryService().boot()).recipient, stranger.recipient
    assert stranger.refusal(stranger.envelope(stranger.signed())) == "envelope.epoch"
    stranger.recipient = own


def test_truncated_envelope(stranger):
    envelope = stranger.envelope(stranger.signed())
    for length in (0, 1, 12, 13):
        assert stranger.refusal(envelope[:length]) == "envelope.malformed"
    for length in (14, 45, 61, len(envelope) - 16, len(envelope) - 1):
        assert stranger.refusal(envelope[:length]) == "hpke.open"


def test_envelope_with_one_byte_more(stranger):
    assert stranger.refusal(stranger.envelope(stranger.signed()) + b"\0") == "hpke.open"


def test_oversized_envelope(stranger):
    assert stranger.refusal(bytes(MAX_ENVELOPE + 1)) == "envelope.too_large"
    envelope = stranger.envelope(stranger.signed())
    assert stranger.refusal(envelope.ljust(MAX_ENVELOPE + 1, b"\0")) == "envelope.too_large"


def sealed_body(stranger: Stranger, body: bytes) -> bytes:
    """An envelope over a padded body of one's own making."""
    header = stranger.envelope(b"x")[:13]
    return header + stranger.recipient.seal(body, label=Label.REQUEST, context=stranger.claims.service + header)


def test_bad_padding(stranger):
    good = pad(cbor.encode([bytes(32), [stranger.signed()]]))
    for body in (good[:-1] + b"\1", good + b"\0", good[:-1], b"", b"\0\0\0", (1 << 31).to_bytes(4, "big") + good[4:]):
        assert stranger.refusal(sealed_body(stranger, body)) == "envelope.padding"


def test_an_envelope_that_holds_something_else(stranger):
    for body in ([], [bytes(32)], [bytes(31), [b"x"]], [bytes(32), []], [bytes(32), ["x"]], {"a": 1}):
        assert stranger.refusal(sealed_body(stranger, pad(cbor.encode(body)))) == "envelope.malformed"
    too_many = pad(cbor.encode([bytes(32), [b""] * 257]))
    assert stranger.refusal(sealed_body(stranger, too_many)) == "envelope.too_many"
    deep = pad(b"\x81" * 1000 + b"\x00")
    assert stranger.refusal(sealed_body(stranger, deep)) == "cbor.malformed"


# --- object chunks: sealed by the SDK, opened as in the worker ---

DATA = bytes(range(256)) * (2 * CHUNK // 256) + b"the third chunk"
DATA_KEY = DataKey(dataset=b"d" * 16, secret=b"k" * 32)


def opened(sealed: SealedObject, chunks: list[bytes], **changes: Any) -> bytes:
    source = Source(dataset=DATA_KEY.dataset, object_index=0, object=sealed.ref, format="csv", data_key=DATA_KEY.secret)
    descriptor = memory.create()
    try:
        memory.append(descriptor, b"".join(chunks))
        return open_object(msgspec.structs.replace(source, **changes), descriptor, max_bytes=1 << 30)
    finally:
        os.close(descriptor)


def object_refused(chunks: Change, **changes: Any) -> str:
    sealed = seal(DATA, DATA_KEY, object_index=0)
    good = list(sealed.chunks())
    assert opened(sealed, good) == DATA
    with pytest.raises(JobFailed) as caught:
        opened(sealed, chunks(good), **changes)
    return caught.value.code


def test_swapped_object_chunk():
    assert object_refused(lambda c: [c[1], c[0], c[2]]) == "object.chunk"


def test_object_chunk_of_another_object():
    other = list(seal(DATA, DATA_KEY, object_index=1).chunks())
    assert object_refused(lambda c: [c[0], other[1], c[2]]) == "object.chunk"
    assert object_refused(lambda c: other) == "object.chunk"


def test_truncated_object_chunk():
    assert object_refused(lambda c: [c[0], c[1], c[2][:-1]]) == "object.root"
    assert object_refused(lambda c: [c[0], c[1]]) == "object.root"
    # A chunk less, and a reference to match: the flag of the last chunk says that the object went on.
    shorter = seal(DATA[: 2 * CHUNK], DATA_KEY, object_index=0).ref
    assert object_refused(lambda c: c[:2], object=shorter) == "object.chunk"


def test_replayed_object_chunk():
    assert object_refused(lambda c: [c[0], c[0], c[2]]) == "object.chunk"


# --- log entries at replay ---


def with_history(service: MemoryService) -> list[link.Entry]:
    stranger = Stranger(service)
    for _ in range(5):
        assert stranger.outcome(stranger.signed()).status == "COMMITTED"
    return service.disk.entries


def halted(service: MemoryService, change: Change) -> str:
    entries = with_history(service)
    assert service.boot().halted is None, "unchanged, the log is replayed"
    service.disk.entries = change(entries)
    halt = service.boot().halted
    assert halt is not None
    return halt.code


@pytest.mark.parametrize("field", ["header", "public", "sealed"])
def test_altered_log_entry_at_replay(service, field):
    def change(entries: list[Any]) -> list[Any]:
        value = getattr(entries[3], field)
        altered = msgspec.structs.replace(entries[3], **{field: value[:-1] + bytes([value[-1] ^ 1])})
        return [*entries[:3], altered, *entries[4:]]

    assert halted(service, change) == "log.entry"


def test_reordered_log_entries_at_replay(service):
    assert halted(service, lambda e: [*e[:2], e[3], e[2], *e[4:]]) == "log.entry"


def test_log_entry_in_place_of_another_at_replay(service):
    assert halted(service, lambda e: [*e[:3], e[2], *e[4:]]) == "log.entry"


def test_dropped_log_entry_at_replay(service):
    # As many as before, so that only the gap in the middle can be noticed.
    assert halted(service, lambda e: [*e[:3], *e[4:], e[-1]]) == "log.entry"


def test_log_cut_at_its_end_at_replay(service):
    assert halted(service, lambda e: e[:-1]) == "log.truncated"


def test_log_entries_held_back_at_replay(service):
    with_history(service)
    give = service.give

    def hold_back(message: Any) -> None:
        if isinstance(message, link.Replay):
            message = msgspec.structs.replace(message, entries=message.entries[:-1])
        give(message)

    service.give = hold_back
    assert service.boot().halted.code == "log.gap"


def test_log_of_another_service_at_replay(service):
    other = MemoryService(root=service.root, keys=service.keys).boot()
    theirs = with_history(other)
    with_history(service)
    service.disk.entries = theirs
    assert service.boot().halted.code == "log.entry"


def test_rolled_back_log_with_its_newest_checkpoint(service):
    with_history(service)
    service.disk.entries = service.disk.entries[:3]
    assert service.boot().halted.code == "log.truncated"


def test_forked_log_with_its_newest_checkpoint(service):
    """A branch that the service itself wrote, under a checkpoint of the other branch."""
    early = service.disk.copy()
    with_history(service)
    newest = service.disk.checkpoint
    service.disk = early
    service.boot()
    with_history(service)
    service.disk.checkpoint = newest
    assert service.boot().halted.code == "log.forked"


# --- stale snapshots ---


def test_stale_snapshot_of_this_history_costs_time_only(service):
    with_history(service)
    service.stop()
    stale = service.disk.snapshot
    service.boot()
    with_history(service)
    service.disk.snapshot = stale
    assert service.boot().halted is None
    assert service.replayed_from == 6
    assert Stranger(service).outcome(Stranger(service).signed()).value == 11


def test_stale_snapshot_of_another_history(service):
    early = service.disk.copy()
    with_history(service)
    service.stop()
    stale = service.disk.snapshot
    service.disk = early
    service.boot()
    with_history(service)
    service.disk.snapshot = stale
    assert service.boot().halted.code == "log.entry"


def test_stale_snapshot_that_lies_beyond_the_log(service):
    early = service.disk.copy()
    with_history(service)
    service.stop()
    early.snapshot = service.disk.snapshot
    service.disk = early
    assert service.boot().halted is None
    assert service.replayed_from == 0
    assert Stranger(service).outcome(Stranger(service).signed()).value == 1, "what only the snapshot knew is not there"


# --- log entries in the audit ---


def audit_refused(service: MemoryService, change: Change, *, kind: str = "entries") -> str:
    entries = with_history(service)
    name = f"tile/{kind}/000.p/{len(entries)}"
    assert audit(service.ledger_file, key=service.key).entries == len(entries)
    items = [entry.header if kind == "entries" else entry.public for entry in entries]
    forged = {name: encode_bundle(kind, change(items))}
    with pytest.raises(TobariError) as caught:
        audit(lambda path: forged.get(path) or service.ledger_file(path), key=service.key)
    return caught.value.code


def test_altered_log_entry_in_the_audit(service):
    assert audit_refused(service, lambda e: [*e[:3], e[3][:-1] + b"\xff", *e[4:]]) == "ledger.altered"


def test_altered_public_body_in_the_audit(service):
    assert audit_refused(service, lambda e: [*e[:3], e[3] + b"\0", *e[4:]], kind="public") == "ledger.public_body"


def test_reordered_log_entries_in_the_audit(service):
    assert audit_refused(service, lambda e: [*e[:2], e[3], e[2], *e[4:]]) == "ledger.reordered"


def test_dropped_log_entry_in_the_audit(service):
    assert audit_refused(service, lambda e: [*e[:3], *e[4:]]) == "ledger.dropped"


def test_log_cut_at_its_end_in_the_audit(service):
    assert audit_refused(service, lambda e: e[:-1]) == "ledger.truncated"


def test_rolled_back_log_in_the_audit(service):
    with_history(service)
    earlier = checkpoint_of(service.disk.checkpoint)
    service.disk.entries, service.disk.checkpoint = service.disk.entries[:2], None
    service.boot()
    with pytest.raises(TobariError) as caught:
        audit(service.ledger_file, key=service.key, earlier=earlier)
    assert caught.value.code == "ledger.rollback"


def test_forked_log_in_the_audit(service):
    early = service.disk.copy()
    with_history(service)
    earlier = checkpoint_of(service.disk.checkpoint)
    service.disk = early
    service.boot()
    with_history(service)
    with pytest.raises(TobariError) as caught:
        audit(service.ledger_file, key=service.key, earlier=earlier)
    assert caught.value.code == "ledger.fork"
