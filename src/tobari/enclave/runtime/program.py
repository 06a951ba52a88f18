"""Program: a named set of commands and queries over its own maps.

A handler's typed parameters are the command's arguments, validated before it runs. A command may write; a query that
writes is a fault of the program and refused. The source's digest stands in the evidence.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple, TypeVar, get_type_hints

import msgspec

from tobari.base import wire
from tobari.base.errors import NotFound, Refused
from tobari.base.messages.command import ErrorReport
from tobari.base.principal import Principal, Role
from tobari.enclave.runtime.job import Job
from tobari.enclave.runtime.maps import PublicValue, TypedMap
from tobari.enclave.runtime.transaction import Transaction

F = TypeVar("F", bound=Callable[..., Any])
_MARK = "__tobari__"


class _Mark(NamedTuple):
    kind: str
    authority: Role


class Handler(NamedTuple):
    """One command or query, ready to be called."""

    name: str
    writes: bool
    authority: Role
    arguments: type[msgspec.Struct]
    call: Callable[..., Any]

    def parse(self, args: dict[str, Any]) -> dict[str, Any]:
        """
        Raises:
            Malformed: `message.malformed`, naming the argument.
        """
        return msgspec.structs.asdict(wire.convert(args, self.arguments))

    def authorise(self, principal: Principal) -> None:
        """
        Raises:
            Refused: `command.role`.
        """
        if not principal.has(self.authority):
            raise Refused("command.role", f"This needs the role '{self.authority}', which the signer does not have.")


def command(*, authority: Role) -> Callable[[F], F]:
    """Mark a method as a command: `method(self, tx, *, typed arguments) -> plain value`."""
    return _marker("command", authority)


def query(*, authority: Role) -> Callable[[F], F]:
    """Mark a method as a query: like a command, but it writes nothing and leaves no entry."""
    return _marker("query", authority)


def completion(method: F) -> F:
    """Mark the method that takes a job's result: `method(self, tx, job, result)`."""
    return _marker("completion", Role.MEMBER)(method)


def _marker(kind: str, authority: Role) -> Callable[[F], F]:
    def mark(method: F) -> F:
        setattr(method, _MARK, _Mark(kind, authority))
        return method

    return mark


class Program:
    """Subclass it, declare maps, mark handlers. The program's name is the class's, in lower case."""

    name: ClassVar[str] = ""
    _public: ClassVar[frozenset[str]] = frozenset()
    _completion: ClassVar[Callable[..., Any] | None] = None

    def __init_subclass__(cls) -> None:
        cls.name = cls.__name__.lower()
        public = set()
        for value in vars(cls).values():
            if isinstance(value, TypedMap | PublicValue):
                value.bind(cls.name)
                if value.public:
                    public.add(value.table)
        cls._public = frozenset(public)

    def __init__(self) -> None:
        self.handlers: dict[str, Handler] = {}
        for name, method in inspect.getmembers(self, inspect.ismethod):
            mark: _Mark | None = getattr(method, _MARK, None)
            if mark is None:
                continue
            if mark.kind == "completion":
                self._complete = method
            else:
                self.handlers[name] = Handler(name, mark.kind == "command", mark.authority, _arguments(method), method)

    def handler(self, name: str) -> Handler:
        """
        Raises:
            NotFound: `command.unknown`.
        """
        try:
            return self.handlers[name]
        except KeyError:
            raise NotFound("command.unknown", f"The program '{self.name}' has no such command or query.") from None

    def complete(self, tx: Transaction, job: Job, result: Any) -> None:
        """A worker has done the job: keep what came of it."""
        self._complete(tx, job, result)

    def failed(self, tx: Transaction, job: Job, error: ErrorReport) -> None:
        """A worker could not do the job. Programs that care override this."""

    def is_public(self, table: str) -> bool:
        """Whether writes to this table stand in the open."""
        return table in self._public


def _arguments(method: Callable[..., Any]) -> type[msgspec.Struct]:
    """A closed struct of a handler's parameters after the transaction."""
    hints = get_type_hints(method, include_extras=True)
    fields: list[Any] = []
    for parameter in list(inspect.signature(method).parameters.values())[1:]:
        field = (parameter.name, hints[parameter.name])
        fields.append(field if parameter.default is parameter.empty else (*field, parameter.default))
    return msgspec.defstruct(method.__name__, fields, frozen=True, kw_only=True, forbid_unknown_fields=True)
