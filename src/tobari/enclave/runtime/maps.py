"""Typed views of the store: `private_map`, `public_map`, `public_value`.

Private writes are sealed into the log; public ones stand in it in the open, so that anyone can add them up.
A map belongs to one program: its table is called `program.name`.
"""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from typing import Any, Generic, TypeVar, overload

from tobari.base import cbor, wire
from tobari.base.errors import Broken
from tobari.enclave.runtime.transaction import Transaction

K = TypeVar("K")
V = TypeVar("V")
D = TypeVar("D")


class View(MutableMapping[K, V]):
    """A map as one transaction sees it."""

    def __init__(self, tx: Transaction, owner: TypedMap[K, V]) -> None:
        self._tx = tx
        self._map = owner

    def __getitem__(self, key: K) -> V:
        data = self._tx.overlay.get(self._map.table, wire.to_cbor(key))
        if data is None:
            raise KeyError
        value: V = wire.from_own(data, self._map.value_type)
        return value

    @overload
    def get(self, key: K) -> V | None: ...
    @overload
    def get(self, key: K, default: V | D) -> V | D: ...
    def get(self, key: K, default: V | D | None = None) -> V | D | None:
        """Without the detour over KeyError that MutableMapping takes."""
        data = self._tx.overlay.get(self._map.table, wire.to_cbor(key))
        if data is None:
            return default
        value: V = wire.from_own(data, self._map.value_type)
        return value

    def __setitem__(self, key: K, value: V) -> None:
        self._tx.put(self._map.table, wire.to_cbor(key), wire.to_cbor(value))

    def __delitem__(self, key: K) -> None:
        if key not in self:
            raise KeyError
        self._tx.put(self._map.table, wire.to_cbor(key), None)

    def __contains__(self, key: object) -> bool:
        return self._tx.overlay.get(self._map.table, wire.to_cbor(key)) is not None

    def __iter__(self) -> Iterator[K]:
        for key in self._tx.overlay.keys(self._map.table):
            yield wire.from_own(key, self._map.key_type)

    def __len__(self) -> int:
        return sum(1 for _ in self._tx.overlay.keys(self._map.table))


class TypedMap(Generic[K, V]):
    """A declared map. Call it with a transaction to read and write."""

    public = False

    def __init__(self, name: str, key_type: Any, value_type: Any) -> None:
        self.name = name
        self.key_type = key_type
        self.value_type = value_type
        self.table = ""

    def bind(self, program: str) -> None:
        """Give the map to its program."""
        self.table = f"{program}.{self.name}"

    def __call__(self, tx: Transaction) -> View[K, V]:
        if not self.table:
            raise Broken("program.unbound", "A map is used outside the program that declares it.")
        return View(tx, self)


class PublicMap(TypedMap[K, V]):
    public = True


class PublicValue(Generic[V]):
    """One public value."""

    public = True
    _KEY = cbor.encode(None)

    def __init__(self, name: str, value_type: Any, default: V) -> None:
        self.name = name
        self.value_type = value_type
        self.default = default
        self.table = ""

    def bind(self, program: str) -> None:
        self.table = f"{program}.{self.name}"

    def get(self, tx: Transaction) -> V:
        data = tx.overlay.get(self.table, self._KEY)
        if data is None:
            return self.default
        value: V = wire.from_own(data, self.value_type)
        return value

    def set(self, tx: Transaction, value: V) -> None:
        tx.put(self.table, self._KEY, wire.to_cbor(value))


def private_map(name: str, key_type: type[K], value_type: type[V]) -> TypedMap[K, V]:
    return TypedMap(name, key_type, value_type)


def public_map(name: str, key_type: type[K], value_type: type[V]) -> PublicMap[K, V]:
    return PublicMap(name, key_type, value_type)


def public_value(name: str, value_type: type[V], *, default: V) -> PublicValue[V]:
    return PublicValue(name, value_type, default)
