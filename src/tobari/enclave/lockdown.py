"""The keeper's own lock-down, before it reads the first byte from the host (docs/adr/0003-jailed-workers.md).

What the keeper will need it has by then: the stream to the host, the worker server, the measurement of its code, and
the platform. On `virtual` that includes the root, which is read from its descriptor before the lock-down because the
platform is made of it: until then this process has run its own code alone, and taken nothing from outside. The
service's secrets are made or unsealed afterwards. From here on it opens nothing but its own code, makes no socket and
no process, and neither root's capabilities nor a debugger of the same user help against that. It does not protect from
the machine's kernel: on `virtual` nothing does.
"""

from __future__ import annotations

from tobari.enclave import guards, syscalls


def apply() -> list[str]:
    """Lock this process down for good; call it while it has one thread.

    Returns the guards in force, sorted, as read back from the kernel: one that could not be had is absent.
    """
    guards.refuse_dumps()
    guards.refuse_new_privileges()
    landlocked = guards.restrict_files([*guards.CODE_FOLDERS, "/proc/self"])
    guards.drop_capabilities()
    guards.restrict_syscalls(syscalls.KEEPER)
    return sorted(landlocked + guards.in_force())
