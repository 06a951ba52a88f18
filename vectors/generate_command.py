"""Writes vectors/command/*.json: `python -m vectors.generate_command`. A test holds them current.

Every case has a name, what is given, and `expect`: "ok" or the error code with which it is refused. Bytes are hex, keys
and randomness come from fixed seeds, so the files are the same on every machine. The formats are in spec/command.md.

service.json     the service that all cases are for: service id, epoch, its private keys, and its members
envelopes.json   sealed requests, and the commands and reply secret in them
hybrid.json      the same with MLKEM768-X25519, whose sealing cannot be repeated: made once, opened by the tests
commands.json    signed commands, held against time `at`; `sent_before` says that the same bytes came before
responses.json   sealed responses to a request, under its reply secret
answers.json     relayed answers, as a client checks them that has `seen` a checkpoint before
padding.json     lengths, and the size class they are padded to
"""

from __future__ import annotations

import hashlib
import json
import pathlib
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.hashes import SHA256

from tests.tools.logs import START, Log, header_of, salt_of
from tobari.base import cbor, cose, wire
from tobari.base.messages.command import (
    MAX_ENVELOPE,
    Answer,
    CommandClaims,
    ErrorReport,
    Outcome,
    Placement,
)
from tobari.base.messages.relay import Relayed
from tobari.client.attestation import origin_of, service_id_of
from tobari.crypto.aead import AeadKey
from tobari.crypto.envelope import key_id, seal_request
from tobari.crypto.hpke import Kem, RecipientKey
from tobari.crypto.kdf import derive
from tobari.crypto.labels import Label
from tobari.crypto.padding import MAX_BODY, pad, size_class
from tobari.crypto.signing import SigningKey, VerifyingKey, sign1
from tobari.ledger.checkpoint import Checkpoint
from tobari.ledger.entry import claims_digest
from tobari.ledger.note import NoteKey
from tobari.ledger.tree import Tree
from vectors import hpke

FOLDER = pathlib.Path(__file__).resolve().parent / "command"
Case = dict[str, Any]

EPOCH = 3
AT = 1_800_000_000_000
ROOT_SECRET = b"R" * 32
"""Of the virtual platform on which a test founds this service."""
IDENTITY = SigningKey.from_seed(b"I" * 32)
CLUSTER = b"C" * 32
SERVICE = service_id_of(IDENTITY.public)
KEY = NoteKey(name=origin_of(SERVICE), key=IDENTITY.public)
ALICE = SigningKey.from_seed(b"a" * 32)
BOB = SigningKey.from_seed(b"b" * 32)
STRANGER = SigningKey.from_seed(b"s" * 32)
CARD = ec.derive_private_key(int.from_bytes(b"c" * 32, "big"), ec.SECP256R1())
"""A member's P-256 key, as browsers and cards have them."""
CARD_PUBLIC = VerifyingKey(
    (2 + CARD.public_key().public_numbers().y % 2).to_bytes(1, "big")
    + CARD.public_key().public_numbers().x.to_bytes(32, "big")
)
REPLY_SECRET = b"k" * 32
COMMAND: Case = {
    "program": "currency",
    "command": "issue",
    "args": {"to": "alice", "amount": 5},
    "audience": SERVICE,
    "id": bytes(range(16)),
    "expires": AT + 60_000,
}


def case(name: str, expect: str = "ok", **given: Any) -> Case:
    return {"name": name, "expect": expect, **given}


def flipped(data: bytes, at: int = -1) -> bytes:
    changed = bytearray(data)
    changed[at] ^= 1
    return bytes(changed)


def kem_seed(kem: Kem) -> bytes:
    """As the enclave derives it from its cluster secret."""
    secret = derive(CLUSTER, label=Label.SERVICE_KEM, context=EPOCH.to_bytes(4, "big"))
    index = list(Kem).index(kem)
    return derive(secret, label=Label.SERVICE_KEM, context=bytes([index]), length=kem.seed_length)


CLASSIC = RecipientKey(Kem.X25519, kem_seed(Kem.X25519))
HYBRID = RecipientKey(Kem.MLKEM768_X25519, kem_seed(Kem.MLKEM768_X25519))


def service() -> Case:
    return {
        "service": SERVICE.hex(),
        "epoch": EPOCH,
        "identity": IDENTITY.seed.hex(),
        "vkey": KEY.vkey,
        "kems": {kem: kem_seed(kem).hex() for kem in Kem},
        "members": [
            {"name": "alice", "key": ALICE.public.raw.hex(), "roles": ["issuer"]},
            {"name": "bob", "key": BOB.public.raw.hex(), "roles": []},
            {"name": "card", "key": CARD_PUBLIC.raw.hex(), "roles": ["issuer"]},
        ],
    }


# --- commands ---


def signed(key: SigningKey = ALICE, label: Label = Label.COMMAND, **changes: Any) -> bytes:
    return sign1(key, cbor.encode({**COMMAND, **changes}), label=label)


def signed_by_card(payload: bytes) -> bytes:
    """ES256. Its randomness comes from the text (RFC 6979)."""
    protected = cose.protected_header(alg=cose.ES256, kid=CARD_PUBLIC.thumbprint)
    text = cose.sig_structure(protected=protected, external_aad=Label.COMMAND.value, payload=payload)
    r, s = utils.decode_dss_signature(CARD.sign(text, ec.ECDSA(SHA256(), deterministic_signing=True)))
    signature = r.to_bytes(32, "big") + s.to_bytes(32, "big")
    return cose.assemble(protected=protected, payload=payload, signature=signature)


def commands() -> list[Case]:
    def one(name: str, expect: str, data: bytes, **given: Any) -> Case:
        return case(name, expect, signed=data.hex(), at=AT, sent_before=False, **given)

    protected, unprotected, payload, signature = cbor.decode(signed(), max_bytes=MAX_ENVELOPE)
    by_stranger = cbor.decode(sign1(STRANGER, payload, label=Label.COMMAND), max_bytes=MAX_ENVELOPE)[3]
    other_alg = cose.protected_header(alg=cose.ES256, kid=ALICE.public.thumbprint)
    return [
        one("holds", "ok", signed()),
        one("holds-until-it-expires", "ok", signed(expires=AT)),
        one("holds-at-the-longest-lifetime", "ok", signed(expires=AT + 600_000)),
        one("holds-es256", "ok", signed_by_card(payload)),
        one("wrong-audience", "command.audience", signed(audience=bytes(32))),
        one("expired", "command.expired", signed(expires=AT - 1)),
        one("too-far-ahead", "command.lifetime", signed(expires=AT + 600_001)),
        {**one("replayed", "command.replayed", signed()), "sent_before": True},
        one("unsigned-payload", "cose.malformed", payload),
        one("unsigned-empty-signature", "signature.invalid", cbor.encode([protected, unprotected, payload, b""])),
        one("unsigned-zero-signature", "signature.invalid", cbor.encode([protected, unprotected, payload, bytes(64)])),
        one("signature-altered", "signature.invalid", cbor.encode([protected, {}, payload, flipped(signature)])),
        one("payload-altered", "signature.invalid", cbor.encode([protected, {}, flipped(payload), signature])),
        one("foreign-key", "command.foreign_key", signed(STRANGER)),
        one("foreign-key-under-a-members-kid", "signature.invalid", cbor.encode([protected, {}, payload, by_stranger])),
        one("other-algorithm-named", "signature.algorithm", cbor.encode([other_alg, {}, payload, signature])),
        one("signed-under-another-label", "signature.invalid", signed(label=Label.TERMS)),
        one("unprotected-header", "cose.malformed", cbor.encode([protected, {4: b"x"}, payload, signature])),
        one("tagged", "cbor.malformed", b"\xd2" + signed()),
        one("one-byte-more", "cbor.not_canonical", signed() + b"\0"),
        one("cut", "cbor.malformed", signed()[:-1]),
        one("empty", "cbor.malformed", b""),
        one("field-missing", "message.malformed", sign1(ALICE, cbor.encode({"args": {}}), label=Label.COMMAND)),
        one("field-more", "message.malformed", signed(force=True)),
        one("id-of-15-bytes", "message.malformed", signed(id=bytes(15))),
        one("program-in-capitals", "message.malformed", signed(program="Currency")),
        one("expires-as-a-float", "message.malformed", signed(expires=float(AT))),
        one("unknown-program", "program.unknown", signed(program="lottery")),
        one("unknown-command", "command.unknown", signed(command="mint")),
        one("argument-missing", "message.malformed", signed(args={"to": "alice"})),
        one("role-missing", "command.role", signed(BOB)),
    ]


# --- envelopes ---


def header(recipient: RecipientKey = CLASSIC, epoch: int = EPOCH, version: int = 1) -> bytes:
    return bytes([version]) + epoch.to_bytes(4, "big") + key_id(recipient.public)


def sealed(
    body: bytes, *, head: bytes | None = None, recipient: RecipientKey = CLASSIC, service_id: bytes = SERVICE
) -> bytes:
    head = header() if head is None else head
    info = Label.REQUEST.value + b"\0" + service_id + head
    return head + hpke.seal(recipient.public.raw, body, info=info, ephemeral=b"e" * 32)


BODY = cbor.encode([REPLY_SECRET, [signed()]])
REQUEST = sealed(pad(BODY))


def envelopes() -> list[Case]:
    def one(name: str, expect: str, envelope: bytes, **given: Any) -> Case:
        return case(name, expect, envelope=envelope.hex(), **given)

    def holding(name: str, expect: str, body: object) -> Case:
        return one(name, expect, sealed(pad(body if isinstance(body, bytes) else cbor.encode(body))))

    other = RecipientKey(Kem.X25519, b"o" * 32)
    good = pad(BODY)
    two = [signed(), signed(id=b"2" * 16)]
    return [
        one("holds", "ok", REQUEST, commands=[signed().hex()], reply=REPLY_SECRET.hex()),
        one(
            "holds-two",
            "ok",
            sealed(pad(cbor.encode([REPLY_SECRET, two]))),
            commands=[command.hex() for command in two],
            reply=REPLY_SECRET.hex(),
        ),
        one("other-epochs-key", "envelope.epoch", sealed(good, head=header(epoch=EPOCH - 1))),
        one("other-key", "envelope.epoch", sealed(good, head=header(other), recipient=other)),
        one("other-key-under-this-id", "hpke.open", sealed(good, recipient=other)),
        one("other-service", "hpke.open", sealed(good, service_id=bytes(32))),
        one("other-version", "envelope.malformed", sealed(good, head=header(version=2))),
        one("epoch-altered-back", "hpke.open", header() + sealed(good, head=header(epoch=EPOCH - 1))[13:]),
        one("truncated", "hpke.open", REQUEST[:-1]),
        one("truncated-to-enc", "hpke.open", REQUEST[:45]),
        one("truncated-to-the-header", "envelope.malformed", REQUEST[:13]),
        one("truncated-in-the-header", "envelope.malformed", REQUEST[:12]),
        one("empty", "envelope.malformed", b""),
        one("one-byte-more", "hpke.open", REQUEST + b"\0"),
        one("altered", "hpke.open", flipped(REQUEST)),
        {**one("oversized", "envelope.too_large", REQUEST), "zeros_up_to": MAX_ENVELOPE + 1},
        {**one("as-large-as-may-be", "hpke.open", REQUEST), "zeros_up_to": MAX_ENVELOPE},
        one("padding-not-zero", "envelope.padding", sealed(flipped(good))),
        one("padding-too-long", "envelope.padding", sealed(good + bytes(len(good)))),
        one("padding-too-short", "envelope.padding", sealed(good[:-1])),
        one("no-padding", "envelope.padding", sealed(good[: 4 + len(BODY)])),
        one("length-beyond-the-end", "envelope.padding", sealed(b"\x7f\xff\xff\xff" + good[4:])),
        one("nothing-inside", "envelope.padding", sealed(b"")),
        holding("no-commands", "envelope.malformed", [REPLY_SECRET, []]),
        holding("reply-secret-of-31-bytes", "envelope.malformed", [REPLY_SECRET[:31], [b""]]),
        holding("commands-that-are-no-bytes", "envelope.malformed", [REPLY_SECRET, [{}]]),
        holding("third-item", "envelope.malformed", [REPLY_SECRET, [b""], b""]),
        holding("257-commands", "envelope.too_many", [REPLY_SECRET, [b""] * 257]),
        holding("no-cbor", "cbor.malformed", b"\xff"),
        holding("cbor-with-one-byte-more", "cbor.not_canonical", BODY + b"\0"),
        holding("nested-too-deep", "cbor.malformed", b"\x81" * 1000 + b"\x00"),
    ]


def hybrid() -> list[Case]:
    """Kept as they are: the KEM's own randomness cannot be set."""
    path = FOLDER / "hybrid.json"
    if path.exists():
        kept: list[Case] = json.loads(path.read_text("utf-8"))
        return kept
    envelope, _ = seal_request(HYBRID.public, service_id=SERVICE, epoch=EPOCH, commands=[signed()])
    return [
        case("holds", envelope=envelope.hex(), commands=[signed().hex()]),
        case("altered-in-the-lattice-part", "hpke.open", envelope=flipped(envelope, 100).hex()),
        case("altered-in-the-curve-part", "hpke.open", envelope=flipped(envelope, 13 + 1088).hex()),
        case("truncated", "hpke.open", envelope=envelope[:-1].hex()),
    ]


# --- responses ---


def response(body: bytes, *, secret: bytes = REPLY_SECRET, request: bytes = REQUEST, salt: bytes = b"S" * 32) -> bytes:
    context = salt + hashlib.sha256(request).digest()
    key = AeadKey(derive(secret, label=Label.RESPONSE, context=context))
    return salt + key.seal(nonce=bytes(12), plaintext=body, aad=b"")


def responses() -> list[Case]:
    def one(name: str, expect: str, data: bytes, **given: Any) -> Case:
        return case(name, expect, request=REQUEST.hex(), reply=REPLY_SECRET.hex(), response=data.hex(), **given)

    good = response(pad(b"answer"))
    return [
        one("holds", "ok", good, plaintext=b"answer".hex()),
        one("holds-empty", "ok", response(pad(b"")), plaintext=""),
        one("altered", "response.open", flipped(good)),
        one("salt-altered", "response.open", flipped(good, 0)),
        one("truncated", "response.open", good[:-1]),
        one("salt-alone", "response.open", good[:32]),
        one("empty", "response.open", b""),
        one("to-another-request", "response.open", response(pad(b"answer"), request=flipped(REQUEST))),
        one("under-another-secret", "response.open", response(pad(b"answer"), secret=bytes(32))),
        one("padding-not-zero", "envelope.padding", response(flipped(pad(b"answer")))),
        {**one("oversized", "envelope.too_large", good), "zeros_up_to": MAX_ENVELOPE + 1},
    ]


# --- answers ---

REFUSAL = ErrorReport(status=409, code="currency.funds", message="The balance does not cover this amount.")
SENT = [signed(), signed(id=b"2" * 16, command="transfer", args={"to": "alice", "amount": 9}), signed(id=b"3" * 16)]
STATUSES = ["COMMITTED", "INVALID", "COMMITTED"]
VALUES: list[Any] = [5, wire.to_builtins(REFUSAL), 10]
SIZE = 9
FIRST = 5
"""Entry of the first command; the tree has one more entry behind the last."""


def claims_at(position: int) -> bytes:
    return wire.to_cbor(
        CommandClaims(
            command=hashlib.sha256(SENT[position]).digest(),
            status=STATUSES[position],  # type: ignore[arg-type]
            value=hashlib.sha256(cbor.encode(VALUES[position])).digest(),
        )
    )


def leaf_at(seq: int) -> bytes:
    position = seq - FIRST
    if not 0 <= position < len(SENT):
        return header_of(seq)
    return header_of(seq, claims=claims_digest(salt_of(seq), claims_at(position)))


LOG = Log.of([leaf_at(seq) for seq in range(SIZE)])
FORK = Log.of([header_of(2, time=START) if seq == 2 else leaf for seq, leaf in enumerate(LOG.leaves)])


def note_of(log: Log, size: int = SIZE, key: SigningKey = IDENTITY) -> str:
    return Checkpoint(origin=KEY.name, tree_size=size, root_hash=log.tree.root(size)).sign(key)


def outcome_at(position: int, **changes: Any) -> Outcome:
    seq = FIRST + position
    placement: Case = {
        "index": seq,
        "header": LOG.leaves[seq],
        "claims": claims_at(position),
        "salt": salt_of(seq),
        "proof": LOG.tree.inclusion_proof(seq),
    }
    fields: Case = {
        "status": STATUSES[position],
        "placement": Placement(**{**placement, **changes.pop("placement", {})}),
    }
    fields |= {"error": REFUSAL} if STATUSES[position] == "INVALID" else {"value": VALUES[position]}
    return Outcome(**{**fields, **changes})


OUTCOMES = [outcome_at(position) for position in range(len(SENT))]


def answers() -> list[Case]:
    def one(
        name: str,
        expect: str = "ok",
        *,
        outcomes: list[Outcome] = OUTCOMES,
        tree: Tree = LOG.tree,
        size: int = SIZE,
        note: str | None = None,
        seen: str | None = note_of(LOG, 4),
        consistency: list[bytes] | None = None,
        sealed_with: bytes = REPLY_SECRET,
    ) -> Case:
        answer = Answer(tree_size=size, root_hash=tree.root(size), outcomes=outcomes)
        proof = LOG.tree.consistency_proof(4) if seen is not None else []
        relayed = Relayed(
            response=response(pad(wire.to_cbor(answer)), secret=sealed_with),
            checkpoint=note_of(LOG) if note is None else note,
            consistency=proof if consistency is None else consistency,
        )
        return case(
            name,
            expect,
            commands=[command.hex() for command in SENT],
            request=REQUEST.hex(),
            reply=REPLY_SECRET.hex(),
            relayed=wire.to_cbor(relayed).hex(),
            seen=seen,
        )

    def first(name: str, expect: str, **changes: Any) -> Case:
        return one(name, expect, outcomes=[outcome_at(0, **changes), *OUTCOMES[1:]])

    def placed(name: str, expect: str, **changes: Any) -> Case:
        return first(name, expect, placement=changes)

    swapped = [OUTCOMES[2], OUTCOMES[1], OUTCOMES[0]]
    other_reason = ErrorReport(status=409, code="currency.funds", message="Another reason.")
    return [
        one("holds"),
        one("holds-with-nothing-seen-before", seen=None),
        one("holds-with-the-same-checkpoint-seen", seen=note_of(LOG), consistency=[]),
        one("response-of-another", "response.open", sealed_with=bytes(32)),
        one("outcome-missing", "client.answer", outcomes=OUTCOMES[:2]),
        one("outcome-more", "client.answer", outcomes=[*OUTCOMES, OUTCOMES[0]]),
        one("checkpoint-of-another-key", "note.unknown_key", note=note_of(LOG, key=STRANGER)),
        one("checkpoint-altered", "note.signature", note=note_of(LOG).replace("\n9\n", "\n8\n")),
        one(
            "checkpoint-older-than-the-answer",
            "client.checkpoint",
            note=note_of(LOG, 8),
            consistency=LOG.tree.consistency_proof(4, 8),
        ),
        one("checkpoint-of-a-fork", "client.checkpoint", note=note_of(FORK)),
        one("rollback", "client.rollback", seen=note_of(Log.of([*LOG.leaves, b"more"]), SIZE + 1), consistency=[]),
        one("fork-at-the-same-size", "client.fork", seen=note_of(FORK), consistency=[]),
        one("fork-before", "client.unproven", seen=note_of(FORK, 4)),
        one("consistency-left-out", "client.unproven", consistency=[]),
        one("consistency-altered", "client.unproven", consistency=[bytes(32), *LOG.tree.consistency_proof(4)[1:]]),
        one("outcomes-swapped", "client.receipt", outcomes=swapped),
        first("value-altered", "client.receipt", value=6),
        first("value-left-out", "client.receipt", value=None),
        first("status-altered", "client.receipt", status="INVALID", value=None, error=REFUSAL),
        one("reason-altered", "client.receipt", outcomes=[OUTCOMES[0], outcome_at(1, error=other_reason), OUTCOMES[2]]),
        one("placement-left-out", "client.answer", outcomes=[Outcome(status="COMMITTED", value=5), *OUTCOMES[1:]]),
        placed("proof-left-out", "client.receipt", proof=None),
        placed("proof-of-another", "ledger.inclusion", proof=LOG.tree.inclusion_proof(FIRST + 2)),
        placed("index-of-another", "client.receipt", index=FIRST + 2),
        placed("header-of-another", "client.receipt", header=LOG.leaves[FIRST + 2]),
        placed("header-altered", "ledger.inclusion", header=header_of(FIRST)),
        placed("claims-of-another", "receipt.claims", claims=claims_at(2)),
        placed("salt-of-another", "receipt.claims", salt=salt_of(0)),
    ]


def padding() -> list[Case]:
    lengths = [0, 1, 508, 509, 1020, 1021, 32_764, 32_765, 65_532, 65_533, 131_068, 131_069, MAX_BODY]
    return [
        *(case(f"{length}-bytes", length=length, padded=size_class(length)) for length in lengths),
        case("too-large", "envelope.too_large", length=MAX_BODY + 1),
    ]


def build() -> dict[str, str]:
    """File name and text of each file."""
    kinds = (service, envelopes, hybrid, commands, responses, answers, padding)
    return {f"{kind.__name__}.json": json.dumps(kind(), indent=1) + "\n" for kind in kinds}


if __name__ == "__main__":
    for name, content in build().items():
        (FOLDER / name).write_text(content, encoding="utf-8")
