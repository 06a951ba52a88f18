"""The client's protocol: attest, call, ask for a status, move objects. Flows only; `session` gives them two faces.

What a lost answer means is decided here. The same signed bytes are sent again, never a new command for an old wish: the
enclave runs an id once and says `command.replayed` to the rest, whose fate is then asked by id. So a hostile host gains
nothing by losing, delaying, repeating or inventing: at worst the client knows that it does not know (`client.unknown`).
Once an envelope is on its way, no word that is not sealed decides what became of it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from tobari.base import wire
from tobari.base.errors import Malformed, TobariError, TooLarge, Unauthorized, Unavailable, Untrusted
from tobari.base.messages.command import Outcome
from tobari.client import relay
from tobari.client.answer import OpenedAnswer, open_answer, result_of, results_of
from tobari.client.attestation import Attested, attest
from tobari.client.command import Call, SignedCommand, sign_command
from tobari.client.flow import Flow, exclusive, pause
from tobari.client.history import History
from tobari.client.result import Result
from tobari.client.tiles import inclusion_proofs
from tobari.client.trust import TrustStore
from tobari.crypto.envelope import seal_request
from tobari.crypto.signing import SigningKey
from tobari.evidence.policy import AppraisalPolicy

_OPEN = frozenset({"command.replayed", "command.forgotten", "command.lifetime", "envelope.too_large", "service.busy"})
"""Sealed refusals of one delivery, not of the command: the host may have sent it before, or may send it later."""
_DOES_NOT_HOLD = (Malformed, TooLarge, Untrusted)
PAUSES = (0.3, 1.0, 3.0)
"""Seconds before each further attempt at what was lost or refused by the host."""
_QUESTION_LIFETIME = 300.0
"""Of a question for a status: longer than a command's, so that it outlives what it asks about."""
MAX_QUESTIONS = 64
"""Commands whose states are asked in one envelope: each may bring its whole value back."""
LIFETIME = 120.0
"""Seconds until a command is void, unless the caller says otherwise."""


class Protocol:
    """One service, as one relying party sees it. Holds the appraisal, which lasts until the epoch changes."""

    def __init__(
        self,
        *,
        policy: AppraisalPolicy,
        key: SigningKey | None,
        trust: TrustStore,
        service: bytes | None,
        now: Callable[[], int],
    ) -> None:
        self._policy = policy
        self._key = key
        self._trust = trust
        self._pinned = service
        self._now = now
        self._attested: Attested | None = None

    @property
    def attested(self) -> Attested:
        """The last appraisal; `connect` comes first."""
        assert self._attested is not None
        return self._attested

    def connect(self) -> Flow[None]:
        """Appraise the service; from then on it is pinned. Raises as `attest` does."""
        self._attested = yield from attest(self._policy, service=self._pinned, now=self._now)
        self._pinned = self._attested.service

    def history(self) -> History:
        """What is known of the service's log."""
        attested = self.attested
        return History(trust=self._trust, service=attested.service, key=attested.key, now=self._now)

    def sign(self, call: Call, *, lifetime: float = LIFETIME, command_id: bytes | None = None) -> SignedCommand:
        """
        Raises:
            Unauthorized: `client.no_key`.
            Malformed: see `sign_command`.
        """
        if self._key is None:
            raise Unauthorized("client.no_key", "This session has no signing key: connect with one to call.")
        return sign_command(
            call,
            self._key,
            service=self.attested.service,
            now=self._now(),
            lifetime=lifetime,
            command_id=command_id,
        )

    # --- calls ---

    def send(self, commands: Sequence[SignedCommand]) -> Flow[list[Result]]:
        """Send signed commands in one envelope; one result for each, in order.

        A refusal in a result is final. What became of a command that cannot be known yet has the status UNKNOWN and the
        error `client.unknown`.

        Raises:
            Unavailable: `client.unreachable` if nothing was sent, `client.unknown` if no answer came.
            Untrusted: whatever does not hold: `client.*`, `response.open`, `receipt.*`, `ledger.*`, `note.*`.
        """
        answer = yield from self._answered(commands, about=[command.id for command in commands])
        results = results_of(answer, commands, key=self.attested.key)
        unsettled = {
            command.id: (command, result.error)
            for result, command in zip(results, commands, strict=True)
            if result.error is not None and _leaves_open(result.error, alone=len(commands) == 1)
        }
        fates = yield from self._fates(list(unsettled.values()))
        return [fates.get(result.id, result) if result.id in unsettled else result for result in results]

    def _fates(self, unsettled: Sequence[tuple[SignedCommand, TobariError]]) -> Flow[dict[bytes, Result]]:
        """What became of commands whose answers leave that open."""
        fates: dict[bytes, Result] = {}
        for first in range(0, len(unsettled), MAX_QUESTIONS):
            part = unsettled[first : first + MAX_QUESTIONS]
            reasons = {command.id: reason for command, reason in part}
            try:
                told = yield from self.statuses([(command.id, command.signed) for command, _ in part])
            except _DOES_NOT_HOLD:
                raise
            except TobariError as error:  # the others of the envelope keep their results
                why = error.__cause__ if isinstance(error.__cause__, TobariError) else error
                reasons, told = dict.fromkeys(reasons, why), []
            fates |= {
                command_id: Result(id=command_id, status="UNKNOWN", error=_unknown([command_id], reason))
                for command_id, reason in reasons.items()
            }
            fates |= {result.id: result for result in told if result.status in ("COMMITTED", "INVALID")}
        return fates

    def send_once(self, commands: Sequence[SignedCommand]) -> Flow[None]:
        """Send signed commands in one envelope without insisting: `statuses` tells what came of them.

        Raises:
            Unavailable: `client.unreachable`, nothing was sent.
            Untrusted: see `send`.
        """
        try:
            yield from self._attempt(commands)
        except Unavailable as error:
            if error.code != "client.lost":
                raise

    def status(self, command_id: bytes, *, signed: bytes | None = None) -> Flow[Result]:
        """What became of a command of this key; as `statuses` for one."""
        return (yield from self.statuses([(command_id, signed)]))[0]

    def statuses(self, commands: Sequence[tuple[bytes, bytes | None]]) -> Flow[list[Result]]:
        """What became of commands of this key, in order. The receipts are completed from the log's tiles.

        Args:
            commands: at most MAX_QUESTIONS ids, each with the command as sent, if it is still at hand: the receipt is
                then held against it.

        Raises: as `send` does, and `client.unknown` if a question is refused. A refusal of a command is in its result.
        """
        ids = [command_id for command_id, _ in commands]
        questions = [self._question(command_id) for command_id in ids]
        answer = yield from self._answered(questions, about=ids)
        outcomes = []
        for told in results_of(answer, questions, key=self.attested.key):
            if told.error is not None:
                raise _unknown(ids, told.error)
            outcomes.append(wire.convert(told.value, Outcome))
        outcomes = yield from _proven(outcomes, tree_size=answer.checkpoint.tree_size)
        return [
            result_of(outcome, command_id=command_id, signed=signed, note=answer.note, key=self.attested.key)
            for outcome, (command_id, signed) in zip(outcomes, commands, strict=True)
        ]

    def _question(self, command_id: bytes) -> SignedCommand:
        call = Call(program="service", command="status", args={"id": command_id})
        return self.sign(call, lifetime=_QUESTION_LIFETIME)

    # --- one envelope, until it is answered ---

    def _answered(self, commands: Sequence[SignedCommand], *, about: Sequence[bytes]) -> Flow[OpenedAnswer]:
        """Send, and send again, until an answer opens and continues the history. Its failure is one of `about`."""
        sent = False
        last: TobariError | None = None
        for wait in (0.0, *PAUSES):
            if wait:
                yield from pause(wait)
            try:
                answer = yield from self._attempt(commands)
            except Unavailable as error:
                if error.code != "client.lost" and not sent:
                    raise
                sent, last = True, error
                continue
            if isinstance(answer, OpenedAnswer):
                return answer
            sent, last = True, answer.error
        assert last is not None
        raise _unknown(about, last)

    def _attempt(self, commands: Sequence[SignedCommand]) -> Flow[OpenedAnswer | relay.Refused]:
        said = yield from self._exchange(commands)
        if isinstance(said, relay.Refused) and said.stale:
            try:
                yield from self.connect()
            except _DOES_NOT_HOLD:
                raise
            except TobariError as error:  # the envelope is out: nothing is known of it now
                return relay.Refused(error)
            said = yield from self._exchange(commands)
        return said

    def _exchange(self, commands: Sequence[SignedCommand]) -> Flow[OpenedAnswer | relay.Refused]:
        attested = self.attested
        envelope, reply = seal_request(
            attested.recipient,
            service_id=attested.service,
            epoch=attested.epoch,
            commands=[command.signed for command in commands],
        )
        history = self.history()
        asked = yield from history.newest()
        said = yield from relay.call(envelope, tree_size=asked.checkpoint.tree_size if asked else None)
        if isinstance(said, relay.Refused):
            return said
        answer = open_answer(said.relayed, reply=reply, key=attested.key, commands=len(commands))
        try:
            yield from exclusive(history.follow(answer.note, asked=asked, proof=answer.consistency))
        except _DOES_NOT_HOLD:
            raise
        except TobariError as error:  # the host keeps the log's files back: the answer cannot be used
            return relay.Refused(error)
        return answer


def _proven(outcomes: Sequence[Outcome], *, tree_size: int) -> Flow[list[Outcome]]:
    """The same outcomes, those that have a place in the log with its inclusion proof in that tree."""
    placed = [outcome.placement.index for outcome in outcomes if outcome.placement is not None]
    if not placed:
        return list(outcomes)
    proofs = iter((yield from inclusion_proofs(placed, tree_size=tree_size)))
    return [
        outcome
        if outcome.placement is None
        else msgspec.structs.replace(outcome, placement=msgspec.structs.replace(outcome.placement, proof=next(proofs)))
        for outcome in outcomes
    ]


def _leaves_open(refusal: TobariError, *, alone: bool) -> bool:
    """Whether a command that was refused so may have run before, or may yet."""
    # Alone, no command is too large for the answer: it was a query.
    return refusal.code in _OPEN and not (alone and refusal.code == "envelope.too_large")


def _unknown(command_ids: Sequence[bytes], reason: TobariError) -> Unavailable:
    ids = ", ".join(command_id.hex() for command_id in command_ids)
    unknown = Unavailable(
        "client.unknown",
        f"Whether the command ran is not known ({reason}). "
        f"Ask for the status of {ids}, or send the same signed command again.",
    )
    unknown.__cause__ = reason
    return unknown
