"""A peer that speaks the link protocol as an enclave does, with no keys but a log key and no secrets at all.

An envelope is a word that tells it what to do (`Fake.call`). In tests it lives at the other end of a socket pair in the
same process; `python fake_enclave.py --link-fd N …` makes it a process of its own.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import socket
import sys
from typing import Any

from tobari.base.messages import link
from tobari.base.messages.link import Entry
from tobari.crypto.signing import SigningKey
from tobari.ledger.checkpoint import Checkpoint
from tobari.ledger.note import NoteKey
from tobari.ledger.tree import Tree, leaf_hash

ORIGIN = "fake.example/log"
KEY = SigningKey.from_seed(bytes(32))
NOTE_KEY = NoteKey(name=ORIGIN, key=KEY.public)


def entry(index: int, public: bytes = b"") -> Entry:
    """The entry that the fake writes at that index."""
    return Entry(header=b"header-%d" % index, public=public, sealed=b"sealed-%d" % index)


def note(tree: Tree, size: int | None = None) -> str:
    size = tree.size if size is None else size
    return Checkpoint(origin=ORIGIN, tree_size=size, root_hash=tree.root(size)).sign(KEY)


class Fake:
    """One life of an enclave. `heard` holds every message of the host, in order."""

    def __init__(self, end: socket.socket) -> None:
        self._end = end
        self.heard: list[Any] = []
        self.tree = Tree()
        self.boot: link.Boot | None = None
        self.durable = 0
        self._batches: dict[int, tuple[int, list[int]]] = {}
        self._batch = 0
        self._fetched: dict[int, Any] = {}

    async def run(self) -> None:
        reader, self._writer = await asyncio.open_connection(sock=self._end)
        frames = link.FrameReader(link.ToEnclave)
        try:
            while data := await reader.read(1 << 18):
                for message in frames.feed(data):
                    self.heard.append(message)
                    self.take(message)
        except ConnectionError:
            pass
        finally:
            self._writer.close()

    def say(self, message: Any) -> None:
        self._writer.write(link.encode(message))

    def take(self, message: Any) -> None:
        match message:
            case link.Boot():
                self.boot = message
                self.say(link.ReplayFrom(first=0))
            case link.Replay():
                self.tree.extend(leaf_hash(e.header) for e in message.entries)
            case link.Live():
                if self.boot is not None and self.boot.sealed is None:
                    self.say(link.StoreSealed(sealed=b"sealed state"))
                self.append([])
                self.say(link.Ready(origin=ORIGIN, vkey=NOTE_KEY.vkey, tree_size=self.tree.size))
            case link.Appended():
                self.durable, requests = self._batches.pop(message.batch)
                replies = [link.Reply(request=r, response=b"done %d" % r) for r in requests]
                self.say(link.Publish(checkpoint=note(self.tree, self.durable), replies=replies))
            case link.Attest():
                self.say(link.Evidence(request=message.request, evidence=b"evidence " + message.nonce))
            case link.Call():
                self.call(message.request, message.envelope)
            case link.ObjectPart():
                self._fetched[message.fetch].update(message.data)
                self.part(message.fetch)
            case link.ObjectMissing():
                self.publish(message.fetch, b"missing")
            case link.Stop():
                self.say(link.StoreSnapshot(tree_size=self.tree.size, snapshot=b"snapshot"))
                self.say(link.Stopped())
                self._writer.close()

    def call(self, request: int, envelope: bytes) -> None:
        word, _, rest = envelope.partition(b":")
        match word:
            case b"append":
                self.append([request], count=int(rest or 1))
            case b"public":
                self.append([request], public=rest)
            case b"query":
                self.publish(request, b"answer")
            case b"refuse":
                self.say(link.Refusal(request=request, status=401, code="envelope.opened", message="No."))
            case b"fetch":
                self._fetched[request] = hashlib.sha256()
                root, first, count = rest[:32], rest[32], rest[33]
                self._counts = {request: count}
                self.say(link.FetchObject(fetch=request, root=root, first=first, count=count))
            case b"gap":
                self.say(link.Append(batch=0, first=self.tree.size + 1, entries=[entry(0)]))
            case b"overwrite":
                self.say(link.Append(batch=0, first=self.tree.size - 1, entries=[entry(0)]))
            case b"foreign":
                other = Tree()
                other.append(leaf_hash(b"other"))
                self.say(link.Publish(checkpoint=note(other), replies=[]))
            case b"halt":
                self.say(link.Halt(code="log.altered", message="The log was altered."))
            case b"garbage":
                self._writer.write(b"\xff\xff\xff\xff")
            case b"die":
                self._writer.close()
            case b"exit":
                os._exit(9)
            case b"silent":
                pass

    def append(self, requests: list[int], count: int = 1, public: bytes = b"") -> None:
        self._batch += 1
        first = self.tree.size
        entries = [entry(i, public) for i in range(first, first + count)]
        self.tree.extend(leaf_hash(e.header) for e in entries)
        self._batches[self._batch] = (self.tree.size, requests)
        self.say(link.Append(batch=self._batch, first=first, entries=entries))

    def publish(self, request: int, response: bytes) -> None:
        reply = link.Reply(request=request, response=response)
        self.say(link.Publish(checkpoint=note(self.tree, self.durable), replies=[reply]))

    def part(self, fetch: int) -> None:
        self._counts[fetch] -= 1
        if self._counts[fetch] == 0:
            self.publish(fetch, self._fetched[fetch].digest())


def main() -> None:
    arguments = dict(zip(sys.argv[1::2], sys.argv[2::2], strict=True))
    # It can read the root secret, and has nothing else from outside.
    assert os.read(int(arguments["--root-fd"]), 64) == b"root secret"
    assert set(os.environ) == {"LC_ALL"}
    print("fake enclave: this line belongs on standard error", flush=True)
    asyncio.run(Fake(socket.socket(fileno=int(arguments["--link-fd"]))).run())


if __name__ == "__main__":
    main()
