"""Profile: what a user keeps of keys and services, below TOBARI_HOME (default ~/.config/tobari, mode 0700).

    keys/NAME.json         an Ed25519 signing key, mode 0600; refused if others can read it
    services/NAME.json     a known service: address, key, appraisal policy, first checkpoint
    checkpoints/           the last checkpoint of each service (`trust`)
    default                the name of the service that is meant where none is named

Key files are not encrypted: the file's mode protects them, as it does for ssh.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, TypeVar

import msgspec
from msgspec import Meta

from tobari.base import wire
from tobari.base.errors import Conflict, Malformed, NotFound, Untrusted
from tobari.base.wire import Message
from tobari.client import files
from tobari.client.address import normalise
from tobari.client.attestation import service_id_of
from tobari.client.invite import MAX_INVITE, Invite
from tobari.client.trust import TrustStore
from tobari.crypto.signing import SigningKey
from tobari.evidence import policy as policy_file
from tobari.evidence.policy import AppraisalPolicy
from tobari.ledger.note import NoteKey

T = TypeVar("T")
_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{0,62}")
_MAX_KEY = 1024
_MAX_SERVICE = 8 * MAX_INVITE


class _KeyFile(Message, frozen=True, kw_only=True):
    kty: Literal["ed25519"]
    public: str
    secret: Annotated[str, Meta(min_length=64, max_length=64)]

    def __repr__(self) -> str:
        return f"_KeyFile(public={self.public}, …)"


class KnownService(Message, frozen=True, kw_only=True):
    """A service that was joined."""

    url: str
    vkey: str
    """Verifies its checkpoints (C2SP signed-note)."""
    policy: str
    """Appraisal policy, TOML. It is held: nothing but its user's word replaces it."""
    first_checkpoint: str
    """The signed note that its log has to continue for ever."""
    key: str | None = None
    """The signing key used with it."""

    @classmethod
    def from_invite(cls, invite: Invite, *, key: str | None) -> KnownService:
        return cls(
            url=invite.url,
            vkey=invite.key.vkey,
            policy=invite.policy_text,
            first_checkpoint=invite.checkpoint,
            key=key,
        )

    @property
    def note_key(self) -> NoteKey:
        return NoteKey.from_vkey(self.vkey)

    @property
    def service(self) -> bytes:
        """Service id, 32 bytes."""
        return service_id_of(self.note_key.key)

    @property
    def appraisal_policy(self) -> AppraisalPolicy:
        return policy_file.from_toml(self.policy)


class Profile:
    """One user's folder. Nothing is made before something is kept."""

    def __init__(self, home: Path) -> None:
        self.home = home

    @classmethod
    def default(cls, environ: Mapping[str, str] = os.environ) -> Profile:
        """TOBARI_HOME, or ~/.config/tobari."""
        named = environ.get("TOBARI_HOME")
        return cls(Path(named) if named else Path.home() / ".config" / "tobari")

    @property
    def trust(self) -> TrustStore:
        """The last checkpoints seen."""
        return TrustStore(self.home / "checkpoints")

    # --- keys ---

    def create_key(self, name: str) -> SigningKey:
        """Make a signing key and keep it.

        Raises:
            Conflict: `client.key_exists`.
            Malformed: `client.name`.
        """
        key = SigningKey.generate()
        self.add_key(name, key)
        return key

    def add_key(self, name: str, key: SigningKey) -> None:
        """Keep a key; raises as `create_key` does. A key is never overwritten."""
        path = self._path("keys", name)
        files.make_private(self.home)
        files.make_private(path.parent)
        try:
            files.create(
                path, wire.to_json(_KeyFile(kty="ed25519", public=key.public.raw.hex(), secret=key.seed.hex()))
            )
        except FileExistsError:
            raise Conflict("client.key_exists", "There is a key of that name; choose another name.") from None

    def key(self, name: str) -> SigningKey:
        """
        Raises:
            NotFound: `client.no_key_file`.
            Refused: `client.not_private`, others can read the file.
            Malformed: `client.key_file`, `client.name`.
        """
        data = files.read_private(self._path("keys", name), max_bytes=_MAX_KEY)
        if data is None:
            raise NotFound("client.no_key_file", "There is no key of that name; `tobari keys` lists and makes them.")
        try:
            return SigningKey.from_seed(bytes.fromhex(wire.from_json(data, _KeyFile).secret))
        except (Malformed, ValueError):
            raise Malformed("client.key_file", "The key file is damaged; restore it from a copy.") from None

    def keys(self) -> list[str]:
        """Names, sorted."""
        return self._names("keys")

    # --- services ---

    def save_service(self, name: str, service: KnownService, *, replace: bool = False) -> None:
        """Keep a service; the first one becomes the default. It has one address and one policy under all its names.

        Args:
            replace: the user was shown how the policy differs from the one held, and wants the new one.

        Raises:
            Malformed: `client.name`, or what it holds is not what it should be.
            Conflict: `client.service_exists`, another service has that name.
            Untrusted: `client.policy_differs`.
        """
        if not replace:
            self.refuse_other_policy(service.service, service.appraisal_policy)
        service = msgspec.structs.replace(service, url=normalise(service.url))
        path = self._path("services", name)
        known = self._read(path, KnownService)
        if known is not None and known.vkey != service.vkey:
            raise Conflict("client.service_exists", "Another service is known by that name; choose another name.")
        files.make_private(self.home)
        files.make_private(path.parent)
        for other in self.names_of(service.service):
            same = msgspec.structs.replace(self.service(other), url=service.url, policy=service.policy)
            files.replace(self._path("services", other), wire.to_json(same))
        files.replace(path, wire.to_json(service))
        if self.default_service() is None:
            self.set_default(name)

    def service(self, name: str | None = None) -> KnownService:
        """A service by name, or the default one.

        Raises:
            NotFound: `client.no_known_service`.
            Malformed: `client.name`, `client.service_file`.
        """
        name = name or self.default_service()
        known = None if name is None else self._read(self._path("services", name), KnownService)
        if known is None:
            raise NotFound("client.no_known_service", "No such service is known here; join it with its invite.")
        return known

    def services(self) -> list[str]:
        """Names, sorted."""
        return self._names("services")

    def names_of(self, service: bytes) -> list[str]:
        """What a service is called here, by its id (32 bytes); sorted, empty if it is not known."""
        return [name for name in self.services() if self.service(name).service == service]

    def held(self, service: bytes) -> KnownService | None:
        """What is known of a service by its id, under whatever name."""
        return next((self.service(name) for name in self.names_of(service)), None)

    def refuse_other_policy(self, service: bytes, policy: AppraisalPolicy) -> None:
        """A policy that was accepted is not replaced by what somebody sends: that would give the service's data away.

        Raises:
            Untrusted: `client.policy_differs`, the service is known and was accepted under another policy.
        """
        if any(self.service(name).appraisal_policy != policy for name in self.names_of(service)):
            raise Untrusted(
                "client.policy_differs",
                "You accepted this service under another policy, which is kept: its data may go elsewhere under this "
                "one. Ask the other members, compare the differences, and only then join with --replace.",
            )

    def service_of(self, origin: str) -> KnownService | None:
        """The service whose log has that origin, to verify its receipts; None if none is known."""
        known = (self.service(name) for name in self.services())
        return next((service for service in known if service.note_key.name == origin), None)

    def default_service(self) -> str | None:
        """The default service's name."""
        data = files.read(self.home / "default", max_bytes=_MAX_KEY)
        return None if data is None else data.decode(errors="replace").strip()

    def set_default(self, name: str) -> None:
        """
        Raises:
            NotFound: `client.no_known_service`.
        """
        self.service(name)
        files.replace(self.home / "default", name.encode() + b"\n")

    # --- files ---

    def _path(self, folder: str, name: str) -> Path:
        if not _NAME.fullmatch(name):
            raise Malformed(
                "client.name", "A name has up to 63 characters of a-z, 0-9, '.' and '-', the first a letter or digit."
            )
        return self.home / folder / f"{name}.json"

    def _names(self, folder: str) -> list[str]:
        return sorted(path.stem for path in (self.home / folder).glob("[a-z0-9]*.json"))

    @staticmethod
    def _read(path: Path, kind: type[T]) -> T | None:
        data = files.read(path, max_bytes=_MAX_SERVICE)
        if data is None:
            return None
        try:
            return wire.from_json(data, kind)
        except Malformed:
            raise Malformed(
                "client.service_file",
                "A service's file is damaged: restore it from a copy, or remove it and join again.",
            ) from None
