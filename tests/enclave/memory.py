"""A host in memory: keeps what the keeper gives it, hands it back at the next boot. Honest unless a test edits it."""

from __future__ import annotations

import secrets

from tobari.base import wire
from tobari.base.messages import link
from tobari.base.messages.command import Answer, Command, Outcome
from tobari.base.messages.genesis import Genesis, Member
from tobari.base.principal import Role
from tobari.crypto.envelope import seal_request
from tobari.crypto.hpke import Kem, RecipientPublicKey
from tobari.crypto.labels import Label
from tobari.crypto.signing import SigningKey, sign1
from tobari.enclave.keeper import CancelJob, Keeper, StartJob
from tobari.enclave.platform.virtual import VirtualPlatform
from tobari.enclave.programs.currency import Currency
from tobari.enclave.programs.service import Service
from tobari.ledger.note import NoteKey

ROOT = bytes(range(32))
START = 1_790_000_000_000


class SilentAttester:
    """Evidence is tested elsewhere; this one only remembers what it was to claim."""

    def serve(self, **claims):
        self.claims = claims

    def evidence(self, nonce):
        return nonce


class MemoryHost:
    """One service: `boot` it, `call` it, edit what is stored, boot again."""

    def __init__(self, genesis: Genesis, *, programs=None, snapshot_every: int = 1000) -> None:
        self.genesis = genesis
        self.programs = programs or (lambda: {program.name: program for program in (Service(), Currency())})
        self.snapshot_every = snapshot_every
        self.entries: list[link.Entry] = []
        self.sealed: bytes | None = None
        self.snapshot: bytes | None = None
        self.checkpoint: str | None = None
        self.now = START
        self.halted: link.Halt | None = None
        self.jobs: list = []
        self.hold_acknowledgements = False

    def boot(self) -> MemoryHost:
        self.replies: dict[int, bytes] = {}
        self.refusals: dict[int, link.Refusal] = {}
        self.unacknowledged: list[int] = []
        self.ready: link.Ready | None = None
        self.halted = None
        self.attester = SilentAttester()
        self.keeper = Keeper(
            platform=VirtualPlatform(root=ROOT, measurement=bytes(32)),
            programs=self.programs(),
            attester=self.attester,
            snapshot_every=self.snapshot_every,
        )
        self.give(
            link.Boot(
                genesis=self.genesis.encode(),
                sealed=self.sealed,
                snapshot=self.snapshot,
                checkpoint=self.checkpoint,
                log_size=len(self.entries),
            )
        )
        return self

    def give(self, message) -> None:
        for output in self.keeper.receive(message, now=self.now):
            self._take(output)

    def _take(self, output) -> None:
        match output:
            case link.StoreSealed(sealed=sealed):
                self.sealed = sealed
            case link.StoreSnapshot(snapshot=snapshot):
                self.snapshot = snapshot
            case link.ReplayFrom(first=first):
                self.replayed_from = first
                for start in range(first, len(self.entries), 100):
                    self.give(link.Replay(first=start, entries=self.entries[start : start + 100]))
                self.give(link.Live())
            case link.Append(batch=batch, first=first, entries=entries):
                assert first == len(self.entries)
                self.entries += entries
                self.unacknowledged.append(batch)
                if not self.hold_acknowledgements:
                    self.acknowledge()
            case link.Publish(checkpoint=checkpoint, replies=replies):
                self.checkpoint = checkpoint
                self.replies.update({reply.request: reply.response for reply in replies})
            case link.Ready():
                self.ready = output
            case link.Refusal(request=request):
                self.refusals[request] = output
            case link.Halt():
                self.halted = output
            case StartJob() | CancelJob():
                self.jobs.append(output)
            case link.Stopped():
                pass
            case _:
                raise AssertionError(output)

    def acknowledge(self) -> None:
        batches, self.unacknowledged = self.unacknowledged, []
        for batch in batches:
            self.give(link.Appended(batch=batch))

    # --- as a client, without the SDK ---

    @property
    def service_id(self) -> bytes:
        return self.attester.claims["service"]

    @property
    def vkey(self) -> NoteKey:
        return NoteKey.from_vkey(self.ready.vkey)

    def kem(self, kem: Kem = Kem.X25519) -> RecipientPublicKey:
        return RecipientPublicKey(kem, self.attester.claims["kems"][kem])

    def sign(self, key: SigningKey, program: str, command: str, args: dict, **other) -> bytes:
        fields = {
            "program": program,
            "command": command,
            "args": args,
            "audience": self.service_id,
            "id": secrets.token_bytes(16),
            "expires": self.now + 60_000,
        }
        return sign1(key, wire.to_cbor(Command(**{**fields, **other})), label=Label.COMMAND)

    def send(self, *signed: bytes, request: int | None = None, epoch: int = 1):
        """Returns a function that opens the answer once it is there."""
        number = secrets.randbits(32) if request is None else request
        envelope, reply = seal_request(self.kem(), service_id=self.service_id, epoch=epoch, commands=list(signed))
        self.give(link.Call(request=number, envelope=envelope))
        return lambda: wire.from_cbor(reply.open(self.replies[number]), Answer, max_bytes=1 << 20)

    def call(self, key: SigningKey, program: str, command: str, args: dict, **other) -> Outcome:
        return self.send(self.sign(key, program, command, args, **other))().outcomes[0]


def consortium(**members: list[Role]) -> tuple[Genesis, dict[str, SigningKey]]:
    """A genesis and the keys of its members."""
    keys = {name: SigningKey.generate() for name in members}
    genesis = Genesis(
        name="test",
        members=[Member(name=name, key=keys[name].public.raw.hex(), roles=roles) for name, roles in members.items()],
        programs=["currency"],
    )
    return genesis, keys
