"""Session and AsyncSession: the two faces of the SDK. Each method runs one flow; what happens is decided below them.

    with Session.connect(url, policy=policy, key=key) as session:
        for caution in session.attestation.warnings:
            print(caution.en)
        result = session.call("currency", "transfer", {"to": "bob", "amount": 5})

A session may be shared: the blocking one between threads, the asynchronous one between tasks.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any

import httpx2

from tobari.base.messages.objects import ObjectRef
from tobari.client import join, objects, releases
from tobari.client.attestation import Attested
from tobari.client.command import Call, SignedCommand
from tobari.client.flow import Flow
from tobari.client.http import AsyncDriver, Driver
from tobari.client.invite import Invite
from tobari.client.log_files import Progress
from tobari.client.objects import DataKey, SealedObject
from tobari.client.profile import Profile
from tobari.client.protocol import LIFETIME, Protocol
from tobari.client.result import Result
from tobari.client.trust import TrustStore
from tobari.client.watch import PATIENCE, Watch
from tobari.crypto.signing import SigningKey
from tobari.evidence.policy import AppraisalPolicy
from tobari.evidence.result import AttestationResult


def _now() -> int:
    return time.time_ns() // 1_000_000


def _protocol(
    policy: AppraisalPolicy, key: SigningKey | None, trust: TrustStore | None, service: bytes | None
) -> Protocol:
    return Protocol(policy=policy, key=key, trust=trust or Profile.default().trust, service=service, now=_now)


def _joining(invite: Invite, key: SigningKey | None, profile: Profile | None, *, replace: bool) -> Protocol:
    profile = profile or Profile.default()
    if not replace:
        profile.refuse_other_policy(invite.service, invite.policy)
    return _protocol(invite.policy, key, profile.trust, invite.service)


class _Face:
    """What both faces show without I/O."""

    def __init__(self, protocol: Protocol) -> None:
        self._protocol = protocol

    @property
    def attested(self) -> Attested:
        """The service as it was appraised last: id, epoch, keys, and the evidence itself."""
        return self._protocol.attested

    @property
    def attestation(self) -> AttestationResult:
        """The appraisal, step by step. Show its `warnings` first of all."""
        return self._protocol.attested.result

    def sign(
        self,
        program: str,
        command: str,
        args: dict[str, Any] | None = None,
        *,
        lifetime: float = LIFETIME,
        command_id: bytes | None = None,
    ) -> SignedCommand:
        """Make and sign a command without sending it, so that its id is kept before anything can be lost.

        Args:
            lifetime: seconds until it is void, at most 600.
            command_id: 16 random bytes that the caller made and kept; fresh ones if left out.

        Raises:
            Unauthorized: `client.no_key`.
            Malformed: `client.lifetime`, `client.command_id`, `message.malformed`.
        """
        call = Call(program=program, command=command, args=args or {})
        return self._protocol.sign(call, lifetime=lifetime, command_id=command_id)

    def _sign_all(self, calls: Sequence[Call], lifetime: float) -> list[SignedCommand]:
        return [self._protocol.sign(call, lifetime=lifetime) for call in calls]


class Session(_Face):
    """The blocking face. `connect` makes one."""

    def __init__(self, protocol: Protocol, driver: Driver) -> None:
        super().__init__(protocol)
        self._driver = driver

    @classmethod
    def connect(
        cls,
        url: str,
        *,
        policy: AppraisalPolicy,
        key: SigningKey | None = None,
        trust: TrustStore | None = None,
        service: bytes | None = None,
        transport: httpx2.BaseTransport | None = None,
    ) -> Session:
        """Ask the service at `url` for evidence and appraise it.

        Args:
            key: signs commands; without one a session can appraise and read, not call.
            trust: where the last checkpoints are kept; the user's profile if left out.
            service: the pinned service id (32 bytes); None takes whichever service the policy accepts.
            transport: another way to the host than TCP, such as a Unix socket.

        Raises:
            EvidenceRefused, Untrusted: what answers is not what the policy trusts, or not the pinned service.
            Unavailable: `client.unreachable`, `client.lost`, `client.relay`.
        """
        session = cls(_protocol(policy, key, trust, service), Driver(url, transport=transport))
        try:
            session._driver.run(session._protocol.connect())
        except BaseException:
            session.close()
            raise
        return session

    @classmethod
    def join(
        cls,
        invite: Invite,
        *,
        key: SigningKey | None = None,
        profile: Profile | None = None,
        replace: bool = False,
        transport: httpx2.BaseTransport | None = None,
    ) -> Session:
        """Connect to an invite's service, and take up its log where the invite left it.

        Nothing is kept before all of it holds, and nothing is sent to a service that the profile knows under another
        policy (`client.policy_differs`). Raises as `connect` does; see also `join.accept`.

        Args:
            profile: what is known of services; the user's own if left out.
            replace: the user was shown how the policy differs from the one held (`differences`), and wants the new one.
        """
        protocol = _joining(invite, key, profile, replace=replace)
        session = cls(protocol, Driver(invite.url, transport=transport))
        try:
            session._driver.run(join.accept(protocol, invite))
        except BaseException:
            session.close()
            raise
        return session

    def __enter__(self) -> Session:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._driver.close()

    def call(
        self, program: str, command: str, args: dict[str, Any] | None = None, *, lifetime: float = LIFETIME
    ) -> Result:
        """Have a command run, and check its receipt.

        Raises:
            TobariError: the refusal, as the class and code it had in the enclave. It came sealed and is final.
            NotFound: `client.value_missing`, the command was committed and only that is still known.
            Unavailable: `client.unknown` if what became of it is not known: the message names the id to ask for.
            Untrusted: something about the answer does not hold.
        """
        return self.send(self.sign(program, command, args, lifetime=lifetime))[0].check()

    def call_many(self, calls: Sequence[Call], *, lifetime: float = LIFETIME) -> list[Result]:
        """Up to 256 commands in one envelope, one result for each. A refusal is in its result; the others go on."""
        return self.send(*self._sign_all(calls, lifetime))

    def query(self, program: str, name: str, args: dict[str, Any] | None = None) -> Any:
        """Ask, and leave no entry in the log. Returns the value; raises as `call` does."""
        return self.call(program, name, args).value

    def send(self, *commands: SignedCommand) -> list[Result]:
        """Send signed commands; sending the same ones again is harmless. Raises as `call` does, but no refusals."""
        return self._driver.run(self._protocol.send(commands))

    def submit(
        self, program: str, command: str, args: dict[str, Any] | None = None, *, lifetime: float = LIFETIME
    ) -> SignedCommand:
        """Send a command once, without insisting on an answer: `status` tells what came of it."""
        return self.submit_many([Call(program=program, command=command, args=args or {})], lifetime=lifetime)[0]

    def submit_many(self, calls: Sequence[Call], *, lifetime: float = LIFETIME) -> list[SignedCommand]:
        """As `submit`, for up to 256 commands in one envelope; `statuses` tells what came of them."""
        signed = self._sign_all(calls, lifetime)
        self._driver.run(self._protocol.send_once(signed))
        return signed

    def status(self, command: SignedCommand | bytes) -> Result:
        """What became of a command of this key, by itself or by its id. A refusal is in the result."""
        return self._driver.run(_status(self._protocol, command))

    def statuses(self, commands: Sequence[SignedCommand | bytes], *, patience: float = PATIENCE) -> Iterator[Result]:
        """Follow commands of this key: the state of each at once, then each change, until all are final.

        Args:
            patience: seconds without a change after which it ends; what was told last of a command holds then.

        Raises: as `call` does. A refusal of a command is in its result.
        """
        watch = Watch(self._protocol, commands, patience=patience)
        while not watch.over:
            yield from self._driver.run(watch.changes())

    def upload(self, sealed: SealedObject, *, progress: Progress | None = None) -> None:
        """Send a sealed object; see `objects.upload`."""
        self._driver.run(objects.upload(sealed, progress=progress))

    def download(
        self,
        ref: ObjectRef,
        key: DataKey,
        *,
        object_index: int,
        write: Callable[[bytes], object],
        progress: Progress | None = None,
    ) -> None:
        """Fetch and open one's own object; see `objects.download`."""
        self._driver.run(objects.download(ref, key, object_index=object_index, write=write, progress=progress))

    def verify_release(self, release: Mapping[str, Any]) -> int:
        """Hold a release of a room against the log; the entry that commits to it. See `releases.verify_release`."""
        return self._driver.run(releases.verify_release(release, history=self._protocol.history()))

    def invite(self, policy_text: str) -> Invite:
        """An invite to this service under that policy; see `join.invite_to`."""
        return self._driver.run(join.invite_to(self._protocol, url=self._driver.url, policy_text=policy_text))


class AsyncSession(_Face):
    """The asynchronous face, on asyncio: every method as in `Session`."""

    def __init__(self, protocol: Protocol, driver: AsyncDriver) -> None:
        super().__init__(protocol)
        self._driver = driver

    @classmethod
    async def connect(
        cls,
        url: str,
        *,
        policy: AppraisalPolicy,
        key: SigningKey | None = None,
        trust: TrustStore | None = None,
        service: bytes | None = None,
        transport: httpx2.AsyncBaseTransport | None = None,
    ) -> AsyncSession:
        session = cls(_protocol(policy, key, trust, service), AsyncDriver(url, transport=transport))
        try:
            await session._driver.run(session._protocol.connect())
        except BaseException:
            await session.close()
            raise
        return session

    @classmethod
    async def join(
        cls,
        invite: Invite,
        *,
        key: SigningKey | None = None,
        profile: Profile | None = None,
        replace: bool = False,
        transport: httpx2.AsyncBaseTransport | None = None,
    ) -> AsyncSession:
        protocol = _joining(invite, key, profile, replace=replace)
        session = cls(protocol, AsyncDriver(invite.url, transport=transport))
        try:
            await session._driver.run(join.accept(protocol, invite))
        except BaseException:
            await session.close()
            raise
        return session

    async def __aenter__(self) -> AsyncSession:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        await self._driver.close()

    async def call(
        self, program: str, command: str, args: dict[str, Any] | None = None, *, lifetime: float = LIFETIME
    ) -> Result:
        return (await self.send(self.sign(program, command, args, lifetime=lifetime)))[0].check()

    async def call_many(self, calls: Sequence[Call], *, lifetime: float = LIFETIME) -> list[Result]:
        return await self.send(*self._sign_all(calls, lifetime))

    async def query(self, program: str, name: str, args: dict[str, Any] | None = None) -> Any:
        return (await self.call(program, name, args)).value

    async def send(self, *commands: SignedCommand) -> list[Result]:
        return await self._driver.run(self._protocol.send(commands))

    async def submit(
        self, program: str, command: str, args: dict[str, Any] | None = None, *, lifetime: float = LIFETIME
    ) -> SignedCommand:
        return (await self.submit_many([Call(program=program, command=command, args=args or {})], lifetime=lifetime))[0]

    async def submit_many(self, calls: Sequence[Call], *, lifetime: float = LIFETIME) -> list[SignedCommand]:
        signed = self._sign_all(calls, lifetime)
        await self._driver.run(self._protocol.send_once(signed))
        return signed

    async def status(self, command: SignedCommand | bytes) -> Result:
        return await self._driver.run(_status(self._protocol, command))

    async def statuses(
        self, commands: Sequence[SignedCommand | bytes], *, patience: float = PATIENCE
    ) -> AsyncIterator[Result]:
        watch = Watch(self._protocol, commands, patience=patience)
        while not watch.over:
            for result in await self._driver.run(watch.changes()):
                yield result

    async def upload(self, sealed: SealedObject, *, progress: Progress | None = None) -> None:
        await self._driver.run(objects.upload(sealed, progress=progress))

    async def download(
        self,
        ref: ObjectRef,
        key: DataKey,
        *,
        object_index: int,
        write: Callable[[bytes], object],
        progress: Progress | None = None,
    ) -> None:
        await self._driver.run(objects.download(ref, key, object_index=object_index, write=write, progress=progress))

    async def verify_release(self, release: Mapping[str, Any]) -> int:
        return await self._driver.run(releases.verify_release(release, history=self._protocol.history()))

    async def invite(self, policy_text: str) -> Invite:
        return await self._driver.run(join.invite_to(self._protocol, url=self._driver.url, policy_text=policy_text))


def _status(protocol: Protocol, command: SignedCommand | bytes) -> Flow[Result]:
    if isinstance(command, bytes):
        return protocol.status(command)
    return protocol.status(command.id, signed=command.signed)
