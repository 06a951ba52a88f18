"""Everything that replay rebuilds. Running and replaying change it through the one function `apply`.

The frontier is extended apart from it, batch by batch: `apply` is what an entry means, the frontier what it hashes to.
"""

from __future__ import annotations

from collections import OrderedDict

from tobari.base import cbor, wire
from tobari.base.errors import NotFound, Untrusted
from tobari.base.logtime import LogTime
from tobari.base.messages.command import ErrorReport, Outcome, Placement
from tobari.base.wire import Message
from tobari.enclave.once import Once, Used
from tobari.enclave.runtime.kv import Store
from tobari.enclave.sealed_log import OpenedEntry
from tobari.ledger.frontier import Frontier
from tobari.ledger.path import leaf_hash

RECENT = 4096
"""Outcomes kept in full, for clients that ask again; older ones are answered with where the log holds them."""


class Remembered(Message, frozen=True, kw_only=True):
    """What is kept of a command's entry, to answer for it again."""

    committed: bool
    outcome: bytes
    """Canonical CBOR of the value, or of the error."""
    placement: Placement


class Dump(Message, frozen=True, kw_only=True):
    """The plaintext of a snapshot."""

    tree_size: int
    root_hash: bytes
    frontier: list[bytes]
    time: int
    boot: bytes
    counter: int
    tables: dict[str, dict[bytes, bytes]]
    once: list[tuple[bytes, int, int, bool]]
    horizon: int
    recent: list[tuple[bytes, Remembered]]


class State:
    """The service's memory: store, spent ids, recent outcomes, log time, and the right edge of the log."""

    def __init__(self) -> None:
        self.store = Store()
        self.once = Once()
        self.recent: OrderedDict[bytes, Remembered] = OrderedDict()
        self.frontier = Frontier()
        self.size = 0
        """Entries applied; the frontier follows when their batch is closed."""
        self.time = LogTime(0)

    def apply(self, entry: OpenedEntry) -> None:
        """Take in the next entry.

        Raises:
            Untrusted: `log.entry`, if log time runs backwards in it.
        """
        header, record = entry.header, entry.record
        if header.time < self.time:
            raise Untrusted("log.entry", f"Log time runs backwards in entry {header.seq}.")
        self.size += 1
        self.time = LogTime(header.time)
        self.store.apply(entry.writes())
        if record.by is not None and record.id is not None:
            spent = record.by + record.id
            self.once.use(spent, Used(record.expires, header.seq, record.status == "COMMITTED"))
            self.recent[spent] = Remembered(
                committed=record.status == "COMMITTED", outcome=record.outcome, placement=placement_of(entry)
            )
            if len(self.recent) > RECENT:
                self.recent.popitem(last=False)

    def outcome_of(self, thumbprint: bytes, command_id: bytes) -> Outcome:
        """What became of a command: in full while recent, then only whether it was carried out, in the end UNKNOWN."""
        used = self.once.find(thumbprint + command_id)
        recent = self.recent.get(thumbprint + command_id)
        if recent is not None:
            value = cbor.decode_own(recent.outcome)
            if recent.committed:
                return Outcome(status="COMMITTED", value=value, placement=recent.placement)
            return Outcome(status="INVALID", error=wire.convert(value, ErrorReport), placement=recent.placement)
        if used is not None:
            return Outcome(status="COMMITTED" if used.committed else "INVALID", error=_dropped(used.entry))
        return Outcome(status="UNKNOWN")

    def replay(self, entry: OpenedEntry) -> None:
        """Take in an entry that the log already holds."""
        self.apply(entry)
        self.frontier.append(leaf_hash(entry.leaf))

    def dump(self, *, boot: bytes, counter: int) -> bytes:
        """All of it, at a moment when no entry is outside the frontier."""
        assert self.size == self.frontier.size
        dump = {
            "tree_size": self.size,
            "root_hash": self.frontier.root(),
            "frontier": list(self.frontier.hashes),
            "time": self.time,
            "boot": boot,
            "counter": counter,
            "tables": self.store.tables,
            "once": self.once.dump(),
            "horizon": self.once.horizon,
            "recent": [[spent, wire.to_builtins(kept)] for spent, kept in self.recent.items()],
        }
        return wire.to_cbor(dump)

    @classmethod
    def load(cls, dump: Dump) -> State:
        """
        Raises:
            Untrusted: `snapshot.root`, if it does not name its own tree.
        """
        state = cls()
        state.frontier = Frontier.restore(dump.tree_size, dump.frontier)
        if state.frontier.root() != dump.root_hash:
            raise Untrusted("snapshot.root", "The snapshot does not name its own tree.")
        state.size = dump.tree_size
        state.time = LogTime(dump.time)
        state.store.tables = dump.tables
        state.once.load(dump.once, horizon=dump.horizon)
        state.recent = OrderedDict(dump.recent)
        return state


def _dropped(entry: int) -> ErrorReport:
    error = NotFound(
        "command.outcome_dropped", f"Entry {entry} of the log holds this command; its outcome is not kept."
    )
    return ErrorReport(status=error.status, code=error.code, message=error.message)


def placement_of(entry: OpenedEntry) -> Placement:
    """Where the log holds it; the inclusion proof follows when its batch is closed."""
    return Placement(index=entry.header.seq, header=entry.leaf, claims=entry.record.claims, salt=entry.record.salt)
