"""The system calls that keeper and workers may still make: an allowlist for seccomp (docs/adr/0003-jailed-workers.md).

What is not listed fails with EPERM, so that a library that merely tries something goes on without it. `clone3` fails
with ENOSYS: its flags lie in memory, where a filter cannot look, and the C library then falls back on `clone`, of which
threads are allowed and processes are not. Calls of a foreign architecture kill the process.

Files are Landlock's matter: Python imports lazily, so `openat` must stay. A call that this libseccomp does not know
cannot be listed, and so stays refused.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable

try:
    import pyseccomp
except (ImportError, RuntimeError):  # no libseccomp on this machine: the guard will be missing, and policy decides
    pyseccomp = None

_COMPUTE = """
    mmap munmap mprotect mremap madvise brk membarrier futex futex_waitv set_robust_list rseq set_tid_address arch_prctl
    open openat read readv pread64 preadv close close_range fstat newfstatat stat lstat fstatfs statfs statx lseek
    getdents64 readlink readlinkat access faccessat faccessat2 getcwd dup dup2 dup3 write writev pwrite64 ftruncate
    rt_sigaction rt_sigprocmask rt_sigreturn sigaltstack restart_syscall exit exit_group
    clock_gettime clock_getres clock_nanosleep nanosleep gettimeofday time getrandom poll ppoll select pselect6
    getpid gettid getppid getuid geteuid getgid getegid getrlimit getrusage sysinfo uname times
    sched_yield sched_getaffinity sched_getparam sched_getscheduler getcpu pipe2 eventfd2
"""
_TALK = """
    sendmsg recvmsg sendto recvfrom shutdown getsockopt setsockopt getsockname getpeername
    memfd_create fallocate epoll_create1 epoll_ctl epoll_wait epoll_pwait epoll_pwait2 wait4 waitid
"""

WORKER = tuple(_COMPUTE.split())
"""Compute on memory and inherited descriptors, and read what Landlock leaves readable."""

KEEPER = (*WORKER, *_TALK.split())
"""Besides: the streams to host and worker server, which exist already, and memory to hand to workers."""

_CLONE_THREAD = 0x00010000
_CLONE_NAMESPACES = 0x7E020000
_FCNTL = (0, 1, 2, 3, 4, 1030, 1033, 1034)  # F_DUPFD F_GETFD F_SETFD F_GETFL F_SETFL F_DUPFD_CLOEXEC F_*_SEALS
_IOCTL = (0x5401, 0x5421, 0x5450, 0x5451, 0x541B)  # TCGETS (isatty) FIONBIO FIONCLEX FIOCLEX FIONREAD
_PRCTL = (2, 3, 15, 16, 21, 39, 0x53564D41)  # read the guards back; name threads and memory
_LOW = 0xFFFFFFFF  # the kernel reads these arguments as 32 bits


def allow_only(names: Iterable[str]) -> None:
    """Load the filter into every thread of this process, for good.

    Raises:
        OSError: the kernel or the machine has no seccomp filters.
    """
    if pyseccomp is None:
        raise OSError(errno.ENOSYS, "libseccomp is not installed")
    filters = pyseccomp.SyscallFilter(pyseccomp.ERRNO(errno.EPERM))
    filters.set_attr(pyseccomp.Attr.ACT_BADARCH, pyseccomp.KILL_PROCESS)
    filters.set_attr(pyseccomp.Attr.CTL_TSYNC, 1)
    for name in names:
        if pyseccomp.resolve_syscall(pyseccomp.Arch.NATIVE, name) >= 0:
            filters.add_rule(pyseccomp.ALLOW, name)
    threads = pyseccomp.Arg(0, pyseccomp.MASKED_EQ, _CLONE_THREAD | _CLONE_NAMESPACES, _CLONE_THREAD)
    filters.add_rule(pyseccomp.ALLOW, "clone", threads)
    filters.add_rule(pyseccomp.ERRNO(errno.ENOSYS), "clone3")
    filters.add_rule(pyseccomp.ALLOW, "tgkill", _is(0, os.getpid()))  # abort() signals its own process
    filters.add_rule(pyseccomp.ALLOW, "prlimit64", _is(0, 0))
    for name, argument, values in (("fcntl", 1, _FCNTL), ("ioctl", 1, _IOCTL), ("prctl", 0, _PRCTL)):
        for value in values:
            filters.add_rule(pyseccomp.ALLOW, name, _is(argument, value))
    filters.load()


def _is(argument: int, value: int) -> object:
    return pyseccomp.Arg(argument, pyseccomp.MASKED_EQ, _LOW, value)
