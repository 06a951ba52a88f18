"""Load: signed and sealed beforehand, sent by raw sockets from one thread, each answer opened and checked afterwards.

Every connection has its own loopback address, as clients have their own: the host's limits per address stay in force.
"""

from __future__ import annotations

import selectors
import socket
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from bench.service import Service
from tobari.base import wire
from tobari.base.messages.command import MAX_ENVELOPE, Answer
from tobari.base.messages.relay import ENVELOPE_TYPE, MAX_RELAYED, Relayed
from tobari.client.attestation import Attested
from tobari.client.command import Call, sign_command
from tobari.crypto.envelope import ReplyKey, seal_request
from tobari.crypto.signing import SigningKey

LIFETIME = 600.0
READ = 1 << 18


@dataclass(frozen=True, kw_only=True)
class Sealed:
    """One request, ready to be sent."""

    request: bytes
    reply: ReplyKey
    commands: int


@dataclass(frozen=True, kw_only=True)
class Sent:
    """What came of a load."""

    seconds: float
    """From the first byte sent to the last answer."""
    latencies: list[float]
    """Seconds from each request to its answer, in the order of the answers."""
    answers: list[tuple[Sealed, bytes]]

    def check(self) -> int:
        """Open every answer; the number of committed commands.

        Raises:
            ValueError: something was refused, or an answer carries no inclusion proof.
        """
        committed = 0
        for sealed, body in self.answers:
            relayed = wire.from_cbor(body, Relayed, max_bytes=MAX_RELAYED)
            answer = wire.from_cbor(sealed.reply.open(relayed.response), Answer, max_bytes=MAX_ENVELOPE)
            for outcome in answer.outcomes:
                if outcome.status != "COMMITTED" or outcome.placement is None or outcome.placement.proof is None:
                    raise ValueError(f"a command of the load is {outcome.status}: {outcome.error}")
            if len(answer.outcomes) != sealed.commands:
                raise ValueError("an answer speaks of other commands than were sent")
            committed += len(answer.outcomes)
        return committed


def seal(call: Call, *, key: SigningKey, attested: Attested, requests: int, commands: int) -> list[Sealed]:
    """`requests` envelopes of `commands` each, all of them that call under fresh ids."""
    now = time.time_ns() // 1_000_000
    made = []
    for _ in range(requests):
        signed = [
            sign_command(call, key, service=attested.service, now=now, lifetime=LIFETIME).signed
            for _ in range(commands)
        ]
        envelope, reply = seal_request(
            attested.recipient, service_id=attested.service, epoch=attested.epoch, commands=signed
        )
        head = f"POST /v1/call HTTP/1.1\r\nHost: bench\r\nContent-Type: {ENVELOPE_TYPE}\r\n"
        head += f"Content-Length: {len(envelope)}\r\n\r\n"
        made.append(Sealed(request=head.encode() + envelope, reply=reply, commands=commands))
    return made


class _Connection:
    """One client: sends a request when the answer to the one before is there."""

    def __init__(self, address: tuple[str, int], number: int) -> None:
        self.socket = socket.create_connection(address, source_address=(f"127.0.1.{number + 1}", 0))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._buffer = b""
        self._needed: int | None = None
        self.sealed: Sealed | None = None
        self.since = 0.0

    def send(self, sealed: Sealed) -> None:
        self.sealed, self.since = sealed, time.perf_counter()
        self.socket.sendall(sealed.request)

    def receive(self) -> bytes | None:
        """The body of the answer, once all of it is there.

        Raises:
            ValueError: the host refused.
        """
        data = self.socket.recv(READ)
        self._buffer += data
        if self._needed is None:
            head, blank, _ = self._buffer.partition(b"\r\n\r\n")
            if not blank:
                if not data:
                    raise ValueError("the host closed a connection of the load")
                return None
            if not head.startswith(b"HTTP/1.1 200 "):
                raise ValueError(f"the host refused a request of the load: {self._buffer!r}")
            self._needed = len(head) + 4 + int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
            self._body = len(head) + 4
        if len(self._buffer) < self._needed:
            return None
        body, self._buffer = self._buffer[self._body : self._needed], self._buffer[self._needed :]
        self._needed = None
        return body


def send(service: Service, requests: Sequence[Sealed], *, clients: int) -> Sent:
    """Send all requests, each client one after the other."""
    waiting = deque(requests)
    connections = [_Connection(service.address, number) for number in range(clients)]
    latencies: list[float] = []
    answers: list[tuple[Sealed, bytes]] = []
    with selectors.DefaultSelector() as selector:
        for connection in connections:
            selector.register(connection.socket, selectors.EVENT_READ, connection)
        begin = time.perf_counter()
        for connection in connections:
            connection.send(waiting.popleft())
        while len(answers) < len(requests):
            for key, _ in selector.select():
                connection = key.data
                body = connection.receive()
                if body is None:
                    continue
                latencies.append(time.perf_counter() - connection.since)
                answers.append((connection.sealed, body))
                if waiting:
                    connection.send(waiting.popleft())
        seconds = time.perf_counter() - begin
    for connection in connections:
        connection.socket.close()
    return Sent(seconds=seconds, latencies=latencies, answers=answers)
