"""Whose signature counts: the verifier key that a log or a receipt is held against (C2SP signed-note).

A file names its own origin and could carry any key; what anchors it is what the user knows from elsewhere: a service
that was joined, or a key given on the command line.
"""

from __future__ import annotations

from typing import Any

from tobari.base.errors import Malformed, TobariError, TooLarge, Untrusted
from tobari.cli import failures, texts
from tobari.cli.failures import Declined, local_input
from tobari.cli.output import Output
from tobari.client.attestation import service_id_of
from tobari.client.profile import Profile
from tobari.ledger.checkpoint import Checkpoint
from tobari.ledger.note import NoteKey


def find_anchor(service: str | None, *, origin: str | None) -> NoteKey:
    """The key named on the command line, or that of the known service whose log has this origin.

    Args:
        service: a known service's name, or a verifier key; None looks for the origin.
        origin: what the file says of itself.

    Raises:
        Untrusted: `trust.no_anchor`.
        NotFound: `client.no_known_service`.
        BadInput: the verifier key is none.
    """
    if service is not None and "+" in service:
        with local_input():
            return NoteKey.from_vkey(service)
    profile = Profile.default()
    if service is not None:
        return profile.service(service).note_key
    known = None if origin is None else profile.service_of(origin)
    if known is None:
        raise Untrusted(
            "trust.no_anchor",
            "Nothing here says whose signature to expect: join the service, or give its verifier key with --service.",
        )
    return known.note_key


def earlier_checkpoint(key: NoteKey) -> Checkpoint | None:
    """The last checkpoint of that service which this user has seen.

    Raises:
        Malformed, TooLarge, Untrusted: the file in the profile was damaged.
    """
    seen = Profile.default().trust.load(service_id_of(key.key), key=key)
    return None if seen is None else seen.checkpoint


def claimed(note: str) -> dict[str, Any]:
    """What a checkpoint says of itself, unverified; empty if it cannot be read."""
    try:
        checkpoint = Checkpoint.parse(note.rpartition("\n\n")[0] + "\n")
    except (Malformed, TooLarge):
        return {}
    return {
        "origin": checkpoint.origin,
        "tree_size": checkpoint.tree_size,
        "root_hash": checkpoint.root_hash.hex(),
    }


def decline(output: Output, unverified: dict[str, Any], error: TobariError) -> Declined:
    """Show what is only claimed, as such, and why it counts for nothing."""
    output.document({"verdict": "refused", "reason": error.code, "unverified": unverified, **failures.document(error)})
    if unverified:
        output.text(texts.say("unverified"))
        output.facts(unverified)
    output.text(texts.say("refused"))
    return Declined(error)
