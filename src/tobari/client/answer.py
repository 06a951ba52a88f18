"""Checking one answer (spec/command.md, "What a client checks"). Pure: bytes and keys in, results out.

1. The response opens under the reply key: it comes from the enclave and answers this very request.
2. It holds one outcome for each command.
3. The relayed checkpoint is signed by the service's identity, under its origin.
4. Tree size and root that the answer names are the checkpoint's.
5. (`history`) The checkpoint continues the last one seen.
For each outcome that has a place in the log:
6. The receipt holds: the leaf header is in the checkpoint's tree, and holds the salted claims.
7. The claims name the command as it was sent, its status, and the digest of the value.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from hmac import compare_digest

from tobari.base import cbor, wire
from tobari.base.errors import TobariError, Untrusted, from_status
from tobari.base.messages.command import MAX_ENVELOPE, Answer, CommandClaims, Digest, ErrorReport, Outcome, Placement
from tobari.base.messages.relay import Relayed
from tobari.client.command import SignedCommand
from tobari.client.result import Result
from tobari.crypto.envelope import ReplyKey
from tobari.ledger.checkpoint import Checkpoint, open_checkpoint
from tobari.ledger.entry import MAX_CLAIMS
from tobari.ledger.note import NoteKey
from tobari.ledger.receipt import Receipt, verify


@dataclass(frozen=True, kw_only=True)
class OpenedAnswer:
    """Steps 1 to 4 hold."""

    outcomes: list[Outcome]
    checkpoint: Checkpoint
    note: str
    """The signed checkpoint, verbatim."""
    consistency: list[Digest]
    """What the host offers for step 5."""


def open_answer(relayed: Relayed, *, reply: ReplyKey, key: NoteKey, commands: int) -> OpenedAnswer:
    """Steps 1 to 4.

    Raises:
        Untrusted: `response.open`, `client.answer`, `note.*`, `checkpoint.origin`, `client.checkpoint`.
        TooLarge, Malformed: a part is not what its format says.
    """
    # 1
    plaintext = reply.open(relayed.response)
    # 2
    answer = wire.from_cbor(plaintext, Answer, max_bytes=MAX_ENVELOPE)
    if len(answer.outcomes) != commands:
        raise Untrusted("client.answer", "The answer does not hold one outcome for each command; report this.")
    # 3
    checkpoint = open_checkpoint(relayed.checkpoint, key)
    # 4
    if answer.tree_size != checkpoint.tree_size or not compare_digest(answer.root_hash, checkpoint.root_hash):
        raise Untrusted(
            "client.checkpoint",
            f"The answer speaks of a log of {answer.tree_size} entries, and the host sent the checkpoint of another "
            f"one ({checkpoint.tree_size}): do not rely on it, ask again.",
        )
    return OpenedAnswer(
        outcomes=answer.outcomes, checkpoint=checkpoint, note=relayed.checkpoint, consistency=relayed.consistency
    )


def results_of(answer: OpenedAnswer, commands: Sequence[SignedCommand], *, key: NoteKey) -> list[Result]:
    """Steps 6 and 7 for every outcome of an answer, in the order of the commands.

    Raises:
        Untrusted: `client.answer` if a committed command has no place in the log; else as `result_of` says.
    """
    results = []
    for outcome, command in zip(answer.outcomes, commands, strict=True):
        if outcome.status == "COMMITTED" and outcome.placement is None:
            raise Untrusted("client.answer", "The answer names no entry for a committed command; report this.")
        results.append(result_of(outcome, command_id=command.id, signed=command.signed, note=answer.note, key=key))
    return results


def result_of(outcome: Outcome, *, command_id: bytes, signed: bytes | None, note: str, key: NoteKey) -> Result:
    """Steps 6 and 7, and the outcome as a Result. A placement must come with its proof in the tree of `note`.

    Args:
        signed: the command as sent; None if only its id is still known, then the receipt's digest is not compared.

    Raises:
        Untrusted: as `receipt.verify` says; `client.receipt` if the receipt is of something else; `client.answer` if a
            committed value comes without any place in the log.
        TooLarge, Malformed: a part of the receipt is not what its format says.
    """
    receipt = None
    if outcome.status == "COMMITTED" and outcome.placement is None and outcome.error is None:
        raise Untrusted("client.answer", "The answer names no entry for a committed command; report this.")
    if outcome.placement is not None:
        receipt = _receipt(outcome.placement, note=note)
        _check_claims(verify(receipt, key=key).claims, outcome, signed=signed)
    return Result(
        id=command_id, status=outcome.status, value=outcome.value, error=_error(outcome.error), receipt=receipt
    )


def _receipt(placement: Placement, *, note: str) -> Receipt:
    if placement.proof is None:
        raise Untrusted("client.receipt", "The answer names an entry and does not prove it; report this.")
    receipt = Receipt.build(
        header=placement.header,
        claims=placement.claims,
        salt=placement.salt,
        proof=placement.proof,
        checkpoint=note,
    )
    if receipt.index != placement.index:
        raise _foreign("it is of another entry")
    return receipt


def _check_claims(data: bytes, outcome: Outcome, *, signed: bytes | None) -> None:
    claims = wire.from_cbor(data, CommandClaims, max_bytes=MAX_CLAIMS)
    if signed is not None and not compare_digest(claims.command, hashlib.sha256(signed).digest()):
        raise _foreign("it is of another command")
    if claims.status != outcome.status:
        raise _foreign("it states another status")
    if outcome.status == "COMMITTED" and outcome.error is not None:
        return  # committed, and its value did not fit into the envelope: there is nothing to compare
    told = wire.to_builtins(outcome.error) if outcome.status == "INVALID" else outcome.value
    if not compare_digest(claims.value, hashlib.sha256(cbor.encode(told)).digest()):
        raise _foreign("it states another value")


def _error(report: ErrorReport | None) -> TobariError | None:
    return None if report is None else from_status(report.status, report.code, report.message)


def _foreign(why: str) -> Untrusted:
    return Untrusted("client.receipt", f"The receipt does not belong to this answer: {why}. Do not rely on it.")
