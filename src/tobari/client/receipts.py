"""Receipts as files (`.tlog-proof`), and verifying one with nothing but the file and the service's key.

What a receipt proves, and what it does not, is in spec/ledger.md. This adds the meaning of a command's claims.
"""

from __future__ import annotations

import hashlib
from hmac import compare_digest
from pathlib import Path

from tobari.base import cbor, wire
from tobari.base.errors import Malformed, NotFound, TobariError, Untrusted
from tobari.base.messages.command import CommandClaims
from tobari.base.wire import Message
from tobari.client import files
from tobari.ledger.checkpoint import Checkpoint
from tobari.ledger.entry import MAX_CLAIMS
from tobari.ledger.note import NoteKey, decode_note
from tobari.ledger.receipt import Receipt, verify
from tobari.ledger.tlog_proof import MAX_TLOG_PROOF


class ReceiptReport(Message, frozen=True, kw_only=True):
    """What a receipt proves. As JSON, bytes are base64."""

    origin: str
    index: int
    """Of the entry in the log, from 0."""
    tree_size: int
    root_hash: bytes
    time: int
    """Log time of the entry, milliseconds since 1970."""
    cosigned: str
    """`uncosigned`: only the log's own enclave has signed this tree."""
    command: bytes | None
    """SHA-256 of the signed command; None if the entry is not a command's."""
    status: str | None
    """COMMITTED or INVALID."""
    value: bytes | None
    """SHA-256 of the canonical CBOR of the value, or of the refusal."""
    steps: list[str]
    """What was verified, in order."""


def save_receipt(path: Path, receipt: Receipt) -> None:
    """Write a receipt file. It holds no argument and no value, only digests."""
    files.replace(path, receipt.encode().encode())


def load_receipt(path: Path) -> Receipt:
    """Read a receipt file; nothing is verified.

    Raises:
        NotFound: `client.no_file`.
        TooLarge, Malformed: it is no receipt.
    """
    data = files.read(path, max_bytes=MAX_TLOG_PROOF)
    if data is None:
        raise NotFound("client.no_file", f"There is no file {path}.")
    try:
        return Receipt.parse(data.decode())
    except UnicodeDecodeError:
        raise Malformed("proof.malformed", "A receipt is UTF-8 text.") from None


def origin_of_receipt(receipt: Receipt) -> str:
    """The log it says it is from, unverified: to look its key up.

    Raises:
        Malformed, TooLarge: the checkpoint in it is none.
    """
    return Checkpoint.parse(decode_note(receipt.checkpoint.encode()).rpartition("\n\n")[0] + "\n").origin


def verify_receipt(
    receipt: Receipt, *, key: NoteKey, signed: bytes | None = None, value: bytes | None = None
) -> ReceiptReport:
    """Verify a receipt offline.

    1 to 5 are those of `tobari.ledger.receipt.verify`.
    6. The claims are a command's, if they can be read as such.
    7. They name the signed command, if one is given.
    8. They name the value, if one is given (its canonical CBOR).

    Raises:
        TooLarge, Malformed, Untrusted: see `tobari.ledger.receipt.verify`.
        Untrusted: `client.receipt` (7, 8).
    """
    # 1 to 5
    verified = verify(receipt, key=key)
    size = verified.checkpoint.tree_size
    steps = [
        f"1. The checkpoint of {size} entries is signed by {key.name}.",
        "2. Nobody cosigned it: a rollback of this one node would not show here.",
        f"3. The entry is leaf header {receipt.index}, well-formed.",
        f"4. It is in the tree of that checkpoint, by a proof of {len(receipt.proof)} hashes.",
        "5. It holds the digest of the claims under their salt.",
    ]
    # 6
    claims = _command_claims(verified.claims)
    if claims is not None:
        steps.append(f"6. The claims are those of a command that was {claims.status}.")
    # 7
    if signed is not None:
        _compare(claims.command if claims else b"", signed, what="command")
        steps.append("7. They name the signed command that was given.")
    # 8
    if value is not None:
        _compare(claims.value if claims else b"", value, what="value")
        steps.append("8. They name the value that was given.")
    return ReceiptReport(
        origin=verified.checkpoint.origin,
        index=receipt.index,
        tree_size=size,
        root_hash=verified.checkpoint.root_hash,
        time=verified.header.time,
        cosigned=verified.cosigned,
        command=claims.command if claims else None,
        status=claims.status if claims else None,
        value=claims.value if claims else None,
        steps=steps,
    )


def value_bytes(value: object) -> bytes:
    """The canonical CBOR of a result's value: what a receipt names by its SHA-256."""
    return cbor.encode(wire.to_builtins(value))


def _command_claims(data: bytes) -> CommandClaims | None:
    try:
        return wire.from_cbor(data, CommandClaims, max_bytes=MAX_CLAIMS)
    except TobariError:
        return None  # an entry of the service's own


def _compare(digest: bytes, data: bytes, *, what: str) -> None:
    if not compare_digest(digest, hashlib.sha256(data).digest()):
        raise Untrusted("client.receipt", f"The receipt is of another {what} than the one given.")
