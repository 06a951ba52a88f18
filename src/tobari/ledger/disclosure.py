"""Salted commitments in the open part of an entry (spec/ledger.md).

What an entry names in the open can often be guessed: a query out of a template, a result of few values. Its plain
digest would let anybody check a guess. So the log shows a commitment under a random salt, and the salt goes to those
who may know the value: they can prove what was logged, and nobody else learns it.
"""

from __future__ import annotations

import hmac

from tobari.base.errors import Untrusted
from tobari.crypto.kdf import labelled_hash
from tobari.crypto.labels import Label


def commit(value: bytes, *, name: str, salt: bytes) -> bytes:
    """32 bytes that bind `value` as the field `name` and hide it from whoever lacks `salt` (32 random bytes)."""
    return labelled_hash(Label.DISCLOSURE, salt, name.encode(), value)


def verify_disclosed(shown: bytes, *, value: bytes, name: str, salt: bytes) -> None:
    """Check that the log shows this value.

    Raises:
        Untrusted: `ledger.disclosure`.
    """
    if not hmac.compare_digest(shown, commit(value, name=name, salt=salt)):
        raise Untrusted("ledger.disclosure", f"The log names another {name} than this one.")
