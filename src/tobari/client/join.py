"""Making and accepting invites, as flows: the service must be what the invite says before anything is kept."""

from __future__ import annotations

from tobari.base.errors import Unavailable, Untrusted
from tobari.client.flow import Flow
from tobari.client.invite import Invite
from tobari.client.log_files import LEDGER
from tobari.client.protocol import Protocol
from tobari.client.relay import fetch
from tobari.ledger.checkpoint import Checkpoint
from tobari.ledger.note import MAX_NOTE, decode_note


def newest_checkpoint() -> Flow[str]:
    """The checkpoint that the host shows; nothing in it is verified.

    Raises:
        Unavailable: `client.no_log`.
        TobariError: as `relay.fetch` says.
    """
    data = yield from fetch(LEDGER + "checkpoint", max_bytes=MAX_NOTE)
    if data is None:
        raise Unavailable("client.no_log", "There is no checkpoint here: is this the address of a service's log?")
    return decode_note(data)


def accept(protocol: Protocol, invite: Invite) -> Flow[Checkpoint]:
    """Appraise the invite's service and take up its log where the invite left it.

    The caller has held the invite's policy against the one that the service was accepted under before, if it is known
    (`Profile.refuse_other_policy`).

    1. The service passes the invite's policy, and is the service it names (`Protocol.connect`).
    2. The identity in its evidence is the invite's key.
    3. What was seen before of this service, if anything, and the invite's checkpoint are of one history.
    4. The log, as it is now, continues the invite's checkpoint.

    Raises:
        EvidenceRefused, Untrusted: `evidence.*`, `client.service`, `client.rollback`, `client.fork`, …
        TobariError: as `relay.fetch` says.
    """
    # 1
    yield from protocol.connect()
    # 2
    if protocol.attested.key != invite.key:
        raise Untrusted("client.service", "Another service answers at this address than the one that was asked for.")
    # 3
    history = protocol.history()
    yield from history.follow(invite.checkpoint, asked=None, proof=None)
    # 4
    asked = yield from history.newest()
    note = yield from newest_checkpoint()
    return (yield from history.follow(note, asked=asked, proof=None))


def invite_to(protocol: Protocol, *, url: str, policy_text: str) -> Flow[Invite]:
    """An invite to a service that this session has appraised, from the checkpoint it knows last."""
    attested = protocol.attested
    history = protocol.history()
    asked = yield from history.newest()
    note = yield from newest_checkpoint()
    yield from history.follow(note, asked=asked, proof=None)
    return Invite(url=url, key=attested.key, service=attested.service, policy_text=policy_text, checkpoint=note)
