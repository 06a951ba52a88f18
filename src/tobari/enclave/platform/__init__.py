"""What a platform gives an enclave: evidence about itself, and a sealing key that no other enclave gets."""

from __future__ import annotations

from typing import Protocol


class Platform(Protocol):
    """An attester (RFC 9334) with sealing. Devices are opened before the lock-down."""

    name: str

    def attest(self, report_data: bytes, *, guards: list[str]) -> tuple[bytes, dict[str, bytes]]:
        """A fresh report over 32 bytes of report data, and the endorsements that travel with it.

        `guards` are those that the kernel confirmed; hardware that measures the whole machine has no place for them.
        """

    def seal(self, plaintext: bytes) -> bytes:
        """Bytes that only an enclave of the same owner on the same platform opens again."""

    def unseal(self, sealed: bytes) -> bytes:
        """
        Raises:
            Untrusted: `platform.unseal`.
        """
