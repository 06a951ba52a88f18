"""Invites: one URL that says where a service is and what it must be (spec/invite.md).

    http(s)://host:port/#tobari1.BASE64URL

The part after `#` is never sent to a server. It pins the service's key, the appraisal policy and a first checkpoint.
Whoever sends an invite is trusted for these: get it over a channel that the operator does not control.
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
from dataclasses import dataclass
from hmac import compare_digest
from typing import Annotated

import msgspec
from msgspec import Meta

from tobari.base import wire
from tobari.base.errors import Malformed, TobariError, TooLarge, Untrusted
from tobari.base.messages.command import Digest
from tobari.base.wire import Message
from tobari.client.address import normalise
from tobari.client.attestation import origin_of, service_id_of
from tobari.evidence import policy as policy_file
from tobari.evidence.policy import AppraisalPolicy
from tobari.ledger.checkpoint import open_checkpoint
from tobari.ledger.note import NoteKey

MAX_INVITE = 1 << 16
"""Characters of the URL."""
_PREFIX = "tobari1."


class _Payload(Message, frozen=True, kw_only=True):
    vkey: Annotated[str, Meta(max_length=512)]
    service: Digest
    policy: str
    checkpoint: str


@dataclass(frozen=True, kw_only=True)
class Invite:
    """What an invite says, found to agree with itself. Whether the service agrees is asked by `join`."""

    url: str
    key: NoteKey
    """Verifies the service's checkpoints."""
    service: bytes
    """Service id, 32 bytes."""
    policy_text: str
    """TOML, verbatim: what its sender wrote is what its reader keeps."""
    checkpoint: str
    """A signed note: the log must continue it."""

    @property
    def policy(self) -> AppraisalPolicy:
        """The appraisal policy."""
        return policy_file.from_toml(self.policy_text)

    def narrowed(self, configuration: bytes) -> Invite:
        """The same invite to a service that was founded from this genesis alone: its reader has a copy of its own.

        Args:
            configuration: digest of the genesis configuration, 32 bytes.

        Raises:
            Untrusted: `evidence.configuration`, the invite pins another one.
        """
        policy = self.policy
        if policy.configuration not in (None, configuration.hex()):
            raise Untrusted(
                "evidence.configuration",
                "The invite is to a service with other members, roles or programs than your genesis file says: compare "
                "the file with the other members'.",
            )
        if policy.configuration is not None:
            return self
        pinning = msgspec.structs.replace(policy, configuration=configuration.hex())
        return dataclasses.replace(self, policy_text=pinning.to_toml())

    def encode(self) -> str:
        """The URL.

        Raises:
            TooLarge: `invite.too_large`.
        """
        payload = _Payload(
            vkey=self.key.vkey, service=self.service, policy=self.policy_text, checkpoint=self.checkpoint
        )
        text = base64.urlsafe_b64encode(wire.to_cbor(payload)).rstrip(b"=").decode()
        url = f"{normalise(self.url)}/#{_PREFIX}{text}"
        if len(url) > MAX_INVITE:
            raise TooLarge("invite.too_large", f"An invite may have at most {MAX_INVITE} characters.")
        return url


def parse(text: str) -> Invite:
    """Read an invite, strictly.

    1. It is an address, `#tobari1.`, and unpadded canonical base64url of canonical CBOR with exactly these fields.
    2. The service id is that of the key, and the key's name is the service's origin.
    3. The checkpoint is signed by the key.
    4. The policy is one, and pins no other service.

    Raises:
        TooLarge: `invite.too_large`.
        Malformed: `invite.malformed` (1, 4).
        Untrusted: `invite.contradiction` (2, 3, 4).
    """
    # 1
    if len(text) > MAX_INVITE:
        raise TooLarge("invite.too_large", f"An invite may have at most {MAX_INVITE} characters.")
    address, mark, encoded = text.partition("/#" + _PREFIX)
    if not mark:
        raise _malformed(f"it has no /#{_PREFIX} behind the address")
    data = _decode(encoded)
    try:
        url = normalise(address)
        payload = wire.from_cbor(data, _Payload, max_bytes=MAX_INVITE)
        key = NoteKey.from_vkey(payload.vkey)
        policy = policy_file.from_toml(payload.policy)
    except (Malformed, TooLarge) as error:
        raise _malformed(error.message) from None
    # 2
    if not compare_digest(service_id_of(key.key), payload.service) or key.name != origin_of(payload.service):
        raise _contradiction("its service id is not that of its key")
    # 3
    try:
        open_checkpoint(payload.checkpoint, key)
    except TobariError:
        raise _contradiction("its checkpoint is not signed by its key") from None
    # 4
    if policy.service not in (None, payload.service.hex()):
        raise _contradiction("its policy pins another service")
    return Invite(url=url, key=key, service=payload.service, policy_text=payload.policy, checkpoint=payload.checkpoint)


def _decode(text: str) -> bytes:
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (ValueError, binascii.Error):
        raise _malformed("its text was altered or cut") from None
    if base64.urlsafe_b64encode(data).rstrip(b"=").decode() != text:
        raise _malformed("its text was altered or cut")
    return data


def _malformed(why: str) -> Malformed:
    return Malformed("invite.malformed", f"This is not an invite: {why}. Ask its sender for a new one.")


def _contradiction(why: str) -> Untrusted:
    return Untrusted("invite.contradiction", f"The invite contradicts itself: {why}. Ask its sender for a new one.")
