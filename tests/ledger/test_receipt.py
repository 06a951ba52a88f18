from __future__ import annotations

import dataclasses

import pytest

from tests.tools.logs import KEY, Log, claims_of, header_of, salt_of
from tobari.base import cbor
from tobari.base.errors import Malformed, Untrusted
from tobari.crypto.signing import SigningKey
from tobari.ledger.entry import LeafHeader
from tobari.ledger.note import NoteKey
from tobari.ledger.receipt import Receipt, verify
from tobari.ledger.tlog_proof import TlogProof

LOG = Log.make(300)
RECEIPT = LOG.receipt(257)


def test_it_proves_its_claims() -> None:
    verified = verify(Receipt.parse(RECEIPT.encode()), key=KEY)
    assert verified.claims == claims_of(257)
    assert verified.header == LeafHeader.from_bytes(LOG.leaves[257])
    assert verified.checkpoint == LOG.checkpoint()
    assert verified.cosigned == "uncosigned"


def test_the_file_is_a_tlog_proof_whose_extra_is_canonical_cbor() -> None:
    file = TlogProof.parse(RECEIPT.encode())
    assert file.index == 257
    assert file.checkpoint == LOG.note()
    assert cbor.decode(file.extra, max_bytes=4096) == {
        "header": LOG.leaves[257],
        "claims": claims_of(257),
        "salt": salt_of(257),
    }


OTHER = LOG.receipt(258)
STRANGER = SigningKey.from_seed(b"s" * 32)
REFUSED = {
    "foreign-key": ("note.unknown_key", {"checkpoint": LOG.checkpoint().sign(STRANGER)}),
    "altered-checkpoint": ("note.signature", {"checkpoint": LOG.note().replace("300", "301")}),
    "other-tree-size": ("ledger.inclusion", {"checkpoint": LOG.note(299)}),
    "tree-before-the-entry": ("ledger.inclusion", {"checkpoint": LOG.note(257)}),
    "index-of-another": ("receipt.index", {"index": 258}),
    "proof-of-another": ("ledger.inclusion", {"proof": OTHER.proof}),
    "proof-cut": ("ledger.inclusion", {"proof": RECEIPT.proof[:-1]}),
    "header-of-another": ("receipt.index", {"header": OTHER.header}),
    "header-altered": ("ledger.inclusion", {"header": header_of(257, time=1)}),
    "claims-of-another": ("receipt.claims", {"claims": OTHER.claims}),
    "salt-of-another": ("receipt.claims", {"salt": OTHER.salt}),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    code, change = REFUSED[name]
    with pytest.raises(Untrusted) as caught:
        verify(dataclasses.replace(RECEIPT, **change), key=KEY)
    assert caught.value.code == code


def test_a_log_of_another_name_with_the_same_key() -> None:
    with pytest.raises(Untrusted) as caught:
        verify(RECEIPT, key=NoteKey(name="log.example/other", key=KEY.key))
    assert caught.value.code == "note.unknown_key"


@pytest.mark.parametrize(
    "extra",
    [
        b"",
        b"\xff",
        cbor.encode({"header": b"", "claims": b""}),
        cbor.encode({"header": b"", "claims": b"", "salt": bytes(31)}),
        cbor.encode({"header": bytes(1025), "claims": b"", "salt": bytes(32)}),
        cbor.encode({"header": b"", "claims": bytes((1 << 16) + 1), "salt": bytes(32)}),
        cbor.encode({"header": b"", "claims": b"", "salt": bytes(32), "more": 1}),
    ],
)
def test_extra_that_is_none_of_ours(extra: bytes) -> None:
    with pytest.raises(Malformed):
        Receipt.parse(TlogProof(index=0, proof=(), checkpoint=LOG.note(), extra=extra).encode())


def test_nothing_is_built_on_what_is_no_header() -> None:
    with pytest.raises(Malformed):
        Receipt.build(header=b"\x00", claims=b"", salt=bytes(32), proof=[], checkpoint="")
