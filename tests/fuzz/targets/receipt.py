"""Receipts and the tlog-proof files that carry them."""

from __future__ import annotations

from tests.tools.logs import KEY, Log, claims_of
from tobari.base.errors import TobariError
from tobari.ledger.receipt import Receipt, verify
from tobari.ledger.tlog_proof import TlogProof

LOG = Log.make(5)


def run(data: bytes) -> None:
    try:
        text = data.decode()
        proof = TlogProof.parse(text)
    except (UnicodeDecodeError, TobariError):
        return
    assert proof.encode() == text, "a second spelling"
    try:
        receipt = Receipt.parse(text)
        assert receipt.encode() == text
        verified = verify(receipt, key=KEY)
    except TobariError:
        return
    assert verified.claims == claims_of(verified.header.seq), "claims verify that the log does not hold"
    assert LOG.leaves[verified.header.seq] == receipt.header


def seeds() -> dict[str, bytes]:
    good = LOG.receipt(3).encode()
    bare = TlogProof(index=0, proof=(), checkpoint=LOG.note()).encode()
    texts = {
        "receipt": good,
        "first": LOG.receipt(0).encode(),
        "bare": bare,
        "index": good.replace("index 3", "index 2"),
        "huge-index": good.replace("index 3", "index 9223372036854775807"),
        "long-proof": bare.replace("index 0\n", "index 0\n" + ("A" * 43 + "=\n") * 65),
        "short-hash": bare.replace("index 0\n", "index 0\nAAAA\n"),
        "two-extras": good.replace("index", "extra AAAA\nindex"),
        "other-version": good.replace("@v1", "@v2"),
    }
    return {name: text.encode() for name, text in texts.items()}
