"""Data terms: what an owner permits with one dataset, signed (spec/data-terms.md).

A column without a rule is not queryable. What contradicts itself is refused here, so that no reader of the terms has
to guess. Not here: what the terms mean for a query (`table`), and the file an owner writes (`terms_file`).
"""

from __future__ import annotations

import unicodedata
from hashlib import sha256
from typing import Annotated, Literal

from msgspec import Meta

from tobari.base import wire
from tobari.base.errors import Malformed, TooLarge
from tobari.base.messages.objects import DatasetId
from tobari.base.principal import MemberName
from tobari.base.wire import Message
from tobari.crypto.labels import Label
from tobari.crypto.signing import SigningKey, VerifyingKey, sign1, verify1

MAX_TERMS = 1 << 16
"""Bytes of encoded terms."""
MAX_NAME = 64
"""Characters of a column's name."""
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Unicode categories: control, format, surrogate, line and paragraph separator."""
_MAX_SIGNED = MAX_TERMS + 512

ColumnType = Literal["boolean", "date", "integer", "real", "text"]
"""64-bit integers; 64-bit floats; dates of the Gregorian calendar without a time."""
Role = Literal["identifier", "measure", "quasi-identifier", "sensitive"]
Use = Literal["aggregate", "filter", "group"]
Aggregate = Literal["AVG", "COUNT", "SUM"]
RoomName = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9._-]{0,62}\Z")]

_SUMMABLE: frozenset[ColumnType] = frozenset({"integer", "real"})


class ColumnRule(Message, frozen=True, kw_only=True):
    """What one column is and what it may be used for. `uses` and `aggregates` are sorted, each value once."""

    type: ColumnType
    role: Role
    uses: tuple[Use, ...] = ()
    aggregates: tuple[Aggregate, ...] = ()

    def check(self, name: str) -> None:
        """Refuse a rule that contradicts itself.

        Raises:
            Malformed: `terms.column`.
        """
        if problem := self._problem():
            raise Malformed("terms.column", f'The rule of column "{name}" does not hold together: {problem}.')

    def _problem(self) -> str | None:
        if not _is_sorted_set(self.uses) or not _is_sorted_set(self.aggregates):
            return "uses and aggregates are sorted and name each value once"
        if ("aggregate" in self.uses) != bool(self.aggregates):
            return 'the use "aggregate" and a list of aggregates go together'
        if self.role == "identifier" and not (set(self.uses) <= {"aggregate"} and set(self.aggregates) <= {"COUNT"}):
            return "an identifier may only be counted"
        if {"SUM", "AVG"} & set(self.aggregates) and self.type not in _SUMMABLE:
            return f"SUM and AVG need integer or real, and this is {self.type}"
        if self.type == "real" and "group" in self.uses:
            return "a real column has no groups: round it to an integer column first"
        return None


class DataTerms(Message, frozen=True, kw_only=True):
    """The terms of one dataset in one room.

    Raises:
        Malformed: `terms.column`, `terms.name`, `terms.purpose`, `terms.recipients`, `terms.entity` when made from
            values that do not hold together; `message.malformed` when decoded from values of the wrong type.
    """

    version: Literal[0] = 0
    dataset: DatasetId
    room: RoomName
    purpose: Annotated[str, Meta(min_length=1, max_length=1000)]
    """What the data may be used for, in words; shown to every analyst, compared with nothing."""
    entity: str
    """The column that says whose row it is: groups are counted in different values of it."""
    min_group: Annotated[int, Meta(ge=2, le=1_000_000)] = 10
    """The least number of entities behind every released number."""
    recipients: Annotated[tuple[MemberName, ...], Meta(min_length=1, max_length=256)]
    """Members who may ask and receive; sorted, each once."""
    co_owners: Annotated[tuple[MemberName, ...], Meta(max_length=256)] | None = None
    """Members whose datasets may lie in the same room; sorted, each once. None accepts whoever may contribute, and a
    co-owner can fill groups with entities of its own invention."""
    expires: Annotated[int, Meta(ge=0, le=253_402_300_799_999)] | None = None
    """Log time in milliseconds from which on nothing is allowed; None never ends."""
    columns: Annotated[dict[str, ColumnRule], Meta(min_length=1, max_length=256)]

    def __post_init__(self) -> None:
        seen: dict[str, str] = {}
        for name, rule in sorted(self.columns.items()):
            check_name(name)
            rule.check(name)
            twin = seen.setdefault(unicodedata.normalize("NFKC", name).casefold(), name)
            if twin != name:
                raise Malformed("terms.name", f'The columns "{twin}" and "{name}" differ too little: rename one.')
        self._check_words()
        self._check_entity()

    def _check_words(self) -> None:
        if has_hidden(self.purpose, but="\n"):
            raise Malformed("terms.purpose", "The purpose has control or invisible characters: write it without them.")
        if not _is_sorted_set(self.recipients):
            raise Malformed("terms.recipients", "The recipients are sorted, and each is named once.")
        if self.co_owners is not None and not _is_sorted_set(self.co_owners):
            raise Malformed("terms.co_owners", "The co-owners are sorted, and each is named once.")

    def _check_entity(self) -> None:
        rule = self.columns.get(self.entity)
        if rule is None or rule.role != "identifier" or rule.type not in ("integer", "text"):
            raise Malformed(
                "terms.entity",
                "The entity is the name of a column that has a rule with role identifier and type text or integer.",
            )

    def encode(self) -> bytes:
        """Canonical bytes.

        Raises:
            TooLarge: `terms.too_large`.
        """
        data = wire.to_cbor(self)
        if len(data) > MAX_TERMS:
            raise TooLarge("terms.too_large", f"Data terms may have at most {MAX_TERMS} bytes: name fewer columns.")
        return data

    def digest(self) -> bytes:
        """SHA-256 of the canonical bytes: what the log names. The signature is no part of it."""
        return sha256(self.encode()).digest()


def sign_terms(terms: DataTerms, *, key: SigningKey) -> bytes:
    """The terms as COSE_Sign1 under `Label.TERMS`."""
    return sign1(key, terms.encode(), label=Label.TERMS)


def verify_terms(data: bytes, *, key: VerifyingKey) -> DataTerms:
    """The terms that the owner of `key` signed.

    Raises:
        Unauthorized, Malformed, TooLarge: see `signing.verify1`, `cbor.decode` and `DataTerms`.
    """
    payload = verify1(data, key, label=Label.TERMS, max_bytes=_MAX_SIGNED)
    return wire.from_cbor(payload, DataTerms, max_bytes=MAX_TERMS)


def check_name(name: str) -> None:
    """Refuse a column's name that could be mistaken for another or could not be printed.

    Raises:
        Malformed: `terms.name`.
    """
    plain = name.isprintable() and name == name.strip() and not set(name) & set("\"'`\\")
    if not (0 < len(name) <= MAX_NAME and plain and unicodedata.is_normalized("NFC", name)):
        raise Malformed(
            "terms.name",
            f"A column's name has 1 to {MAX_NAME} printable characters in Unicode form NFC, no quotes and no spaces at "
            "its ends.",
        )


def has_hidden(text: str, *, but: str) -> bool:
    """Whether it has a character that a reader does not see, or sees as something else, apart from those in `but`."""
    return any(unicodedata.category(sign) in _HIDDEN for sign in set(text) - set(but))


def _is_sorted_set(values: tuple[str, ...]) -> bool:
    return list(values) == sorted(set(values))
