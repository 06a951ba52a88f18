"""Thin programs, independent of each other. What is decided stands in `tobari.rules`; here it meets the store."""

from __future__ import annotations

from tobari.enclave.programs.currency import Currency
from tobari.enclave.programs.room import Room
from tobari.enclave.programs.service import Service
from tobari.enclave.runtime import Program


def available() -> dict[str, Program]:
    """Every program this enclave can run, by name; the genesis file says which of them it does."""
    return {program.name: program for program in (Service(), Currency(), Room())}
