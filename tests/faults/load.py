"""Load that knows afterwards what must be true: members who issue, burn and pay, and an account of every command sent.

A command is *acknowledged* when its outcome came back sealed and its receipt held. Of one whose answer was lost, the
service says after the restart what became of it; from that moment on it may not say anything else.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx2

from tests.faults.service import Service
from tobari.base import wire
from tobari.base.errors import TobariError
from tobari.base.messages.command import Outcome
from tobari.client import objects, protocol
from tobari.client.command import Call, SignedCommand
from tobari.client.log_files import read_url
from tobari.client.session import Session
from tobari.ledger import receipt as receipts
from tobari.ledger.audit import audit
from tobari.ledger.checkpoint import Checkpoint
from tobari.ledger.entry import LeafHeader
from tobari.ledger.receipt import Receipt
from tobari.ledger.tiles import WIDTH, TilePath, decode_bundle

PAYERS = ("bank", "shop", "client")
LIFETIME = 600.0
"""Seconds: the service knows the fate of every command of a run of that length."""
BATCH = 200


@dataclass
class Sent:
    """One command, and what is known of it."""

    by: str
    command: str
    args: dict[str, Any]
    signed: SignedCommand
    status: str | None = None
    """None: sent, and the answer was lost."""
    index: int | None = None
    receipt: Receipt | None = None


class Load:
    """The accounts of one service over all its restarts."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._random = random.Random(20261122)
        self.sent: list[Sent] = []
        self._settled = 0
        """`sent` up to here is in the balances."""
        self.balances: dict[str, int] = dict.fromkeys(PAYERS, 0)
        self._headers: dict[int, bytes] = {}
        """Leaf headers that receipts prove, by index: never another one may stand there."""
        self._checkpoint: Checkpoint | None = None
        self._stop = threading.Event()
        self._failure: BaseException | None = None

    @property
    def acknowledged(self) -> int:
        """Commands whose outcome came with a receipt that holds."""
        return sum(sent.receipt is not None for sent in self.sent)

    def wait_for(self, count: int) -> None:
        """Until so many more commands are acknowledged, everybody sending."""
        goal, deadline = self.acknowledged + count, time.monotonic() + 20
        while self.acknowledged < goal and self._failure is None:
            if time.monotonic() > deadline:
                raise TimeoutError("the service answers nobody")
            time.sleep(0.005)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Everybody sends until told to stop, or until the service does not answer."""
        self._stop.clear()
        threads = [threading.Thread(target=self._pay, args=(name, self._random.random())) for name in PAYERS]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._stop.set()
            for thread in threads:
                thread.join()
        if self._failure is not None:
            raise self._failure

    def send_some(self, count: int) -> None:
        """The bank sends so many commands one after the other."""
        with self._service.session("bank") as session:
            for _ in range(count):
                self._send(session, "bank", self._random)

    def _pay(self, name: str, seed: float) -> None:
        chance = random.Random(seed)
        try:
            with self._service.session(name) as session:
                while not self._stop.is_set():
                    self._send(session, name, chance)
        except TobariError as error:
            # The service was killed. Anything that does not hold (a receipt, the history) is a finding.
            if error.code.split(".")[0] not in ("client", "host") or error.code in ("client.rollback", "client.fork"):
                self._failure = error
        except BaseException as error:
            self._failure = error

    def _send(self, session: Session, name: str, chance: random.Random) -> None:
        command, args = _chosen(name, chance)
        signed = session.sign("currency", command, args, lifetime=LIFETIME)
        sent = Sent(name, command, args, signed)
        self.sent.append(sent)
        (result,) = session.send(signed)
        assert result.receipt is not None
        sent.status, sent.index, sent.receipt = result.status, result.receipt.index, result.receipt

    # --- what must be true ---

    def check(self) -> None:
        """Ask the running service about everything, and hold it against what is known.

        1. Every command that was acknowledged has the status and the index it had.
        2. Each of the others happened wholly or not at all: the balances are those that the statuses give.
        3. The balances add up to the supply.
        4. Receipts verify, and the log holds their entries where they say.
        5. The log audits, and continues the one audited before.
        """
        new = self.sent[self._settled :]
        for name in PAYERS:
            with self._service.session(name) as session:
                # 1
                self._ask(session, [sent for sent in new if sent.by == name])
        for sent in new:
            if sent.status == "COMMITTED":
                self._apply(sent)
        self._settled = len(self.sent)
        # 2
        held = {}
        for name in PAYERS:
            with self._service.session(name) as session:
                held[name] = session.query("currency", "balance")
                supply = session.query("currency", "total")
                key = session.attested.key
        assert held == self.balances
        # 3
        assert sum(held.values()) == supply
        # 4
        for sent in new:
            if sent.receipt is not None:
                receipts.verify(sent.receipt, key=key)
                self._headers[sent.receipt.index] = sent.receipt.header
        # 5
        with read_url(self._service.url) as read:
            report = audit(read, key=key, earlier=self._checkpoint)
            leaves = _leaves(read, report.tree_size)
        assert report.public_pruned == 0
        self._checkpoint = Checkpoint(origin=report.origin, tree_size=report.tree_size, root_hash=report.root_hash)
        for index, header in self._headers.items():
            assert leaves[index] == header

    def _ask(self, session: Session, asked: list[Sent]) -> None:
        for first in range(0, len(asked), BATCH):
            some = asked[first : first + BATCH]
            questions = [Call(program="service", command="status", args={"id": sent.signed.id}) for sent in some]
            for sent, result in zip(some, session.call_many(questions), strict=True):
                outcome = wire.convert(result.check().value, Outcome)
                if sent.status is not None:
                    assert (outcome.status, _index(outcome)) == (sent.status, sent.index)
                sent.status, sent.index = outcome.status, _index(outcome)
                assert outcome.status in ("COMMITTED", "INVALID", "UNKNOWN")

    def _apply(self, sent: Sent) -> None:
        amount = sent.args["amount"]
        if sent.command == "issue":
            self.balances[sent.args["to"]] += amount
            return
        self.balances[sent.by] -= amount
        if sent.command == "transfer":
            self.balances[sent.args["to"]] += amount


def hurry() -> None:
    """Ask once: what a lost answer means is found out after the restart."""
    protocol.PAUSES = objects.PAUSES = ()  # type: ignore[assignment]


def _chosen(name: str, chance: random.Random) -> tuple[str, dict[str, Any]]:
    to, amount = chance.choice(PAYERS), chance.randint(1, 100)
    if name != "bank":
        return "transfer", {"to": to, "amount": amount}
    match chance.random():
        case x if x < 0.5:
            return "issue", {"to": to, "amount": 5 * amount}
        case x if x < 0.6:
            return "burn", {"amount": amount}
        case _:
            return "transfer", {"to": to, "amount": amount}


def _index(outcome: Outcome) -> int | None:
    if outcome.placement is not None:
        return LeafHeader.from_bytes(outcome.placement.header).seq
    # Long past, or older than the snapshot: only its place in the log is still known.
    return outcome.value["index"] if outcome.value is not None else None


def _leaves(read: Any, size: int) -> list[bytes]:
    leaves: list[bytes] = []
    while len(leaves) < size:
        where = TilePath(kind="entries", index=len(leaves) // WIDTH, width=min(WIDTH, size - len(leaves)))
        items, _ = decode_bundle("entries", read(str(where)))
        leaves += items
    return leaves


def is_up(url: str) -> bool:
    try:
        return httpx2.get(f"{url}/readyz").status_code == 200
    except httpx2.HTTPError:
        return False
