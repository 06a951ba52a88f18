"""Runs in an interpreter of its own: a forked child enters the jail as a worker does, then tries everything.

`python -m tests.enclave.workers.inside` prints one JSON object: what each attempt came to, and what the child saw.
`python -m tests.enclave.workers.inside keeper` does the same behind the keeper's lock-down.
"""

from __future__ import annotations

import ctypes
import errno
import json
import os
import pathlib
import resource
import signal
import socket
import sys
import threading
from collections.abc import Callable
from typing import Any

import pyseccomp

from tobari.enclave import guards, lockdown
from tobari.enclave.workers import server as worker_server

PARENT = os.getppid() if sys.argv[1:] == ["keeper"] else os.getpid()

_NAMES = """
    socket socketpair connect bind listen accept accept4 sendto sendmsg recvmsg
    execve execveat fork vfork ptrace process_vm_readv process_vm_writev process_madvise kcmp
    open_by_handle_at name_to_handle_at mount umount2 pivot_root chroot open_tree move_mount fsopen mount_setattr
    bpf perf_event_open io_uring_setup io_uring_enter io_uring_register keyctl add_key request_key userfaultfd
    kexec_load kexec_file_load init_module finit_module delete_module setns unshare
    pidfd_open pidfd_getfd pidfd_send_signal memfd_create memfd_secret kill tkill rt_sigqueueinfo
    setuid setresuid capset personality quotactl reboot swapon sethostname acct syslog iopl
    mkdir unlink rename symlink link chmod chown mknod truncate utimensat inotify_init1 fanotify_init timer_create
    sched_setaffinity setpriority shmget msgget semget mq_open landlock_create_ruleset seccomp
"""
CALLS = _NAMES.split()
"""Each is made with senseless arguments: only a filter answers EPERM before it looks at them."""

KEEPER_NEEDS = {"sendto", "sendmsg", "recvmsg", "memfd_create"}


def outcome(attempt: Callable[[], Any]) -> str:
    try:
        attempt()
    except OSError as error:
        return errno.errorcode.get(error.errno or 0, str(error))
    except Exception as error:
        return type(error).__name__
    return "done"


def read(path: str) -> None:
    os.close(os.open(path, os.O_RDONLY))


def write(path: str | pathlib.Path) -> None:
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT))


def raw(name: str, *arguments: int) -> None:
    number = pyseccomp.resolve_syscall(pyseccomp.Arch.NATIVE, name)
    if number < 0:
        raise PermissionError(errno.EPERM, "there is no such call here")
    words = [ctypes.c_long(argument) for argument in (arguments or (-1,) * 6)]
    if guards.libc.syscall(ctypes.c_long(number), *words) < 0:
        raise OSError(ctypes.get_errno(), "")


def attempts(calls: list[str]) -> dict[str, str]:
    """Name of the attempt to what came of it."""
    tried: dict[str, Callable[[], Any]] = {
        "read /etc/passwd": lambda: read("/etc/passwd"),
        "read /etc/passwd by /proc/self/root": lambda: read("/proc/self/root/etc/passwd"),
        "read the parent's memory": lambda: read(f"/proc/{PARENT}/mem"),
        "read the parent's environment": lambda: read(f"/proc/{PARENT}/environ"),
        "list the parent's descriptors": lambda: os.listdir(f"/proc/{PARENT}/fd"),
        "list /tmp": lambda: os.listdir("/tmp"),
        "write to /tmp": lambda: write("/tmp/tobari-probe"),
        "write unnamed to /tmp": lambda: os.open("/tmp", os.O_TMPFILE | os.O_RDWR),
        "write to the code": lambda: write(pathlib.Path(lockdown.__file__).with_name("probe.py")),
        "write its own memory": lambda: write("/proc/self/mem"),
        "open a device": lambda: read("/dev/zero"),
        "a socket": lambda: socket.socket(),
        "a process": os.fork,
        "a program": lambda: os.execv("/bin/true", ["true"]),
        "a signal to the parent": lambda: os.kill(PARENT, 0),
        "a signal to the parent's thread": lambda: raw("tgkill", PARENT, PARENT, 0),
        "a process by clone": lambda: raw("clone", signal.SIGCHLD, 0, 0, 0, 0),
        "a namespace by clone": lambda: raw("clone", 0x10000000 | 0x00010000, 0, 0, 0, 0),
        "to be dumpable again": lambda: guards.prctl(guards.PR_SET_DUMPABLE, 1),
        "to outlive the server": lambda: guards.prctl(1, 0),
        "the parent's limits": lambda: resource.prlimit(PARENT, resource.RLIMIT_CORE),
        "a core file after all": lambda: resource.setrlimit(resource.RLIMIT_CORE, (1, 1)),
        "a terminal's input": lambda: raw("ioctl", 0, 0x5412, 0),
        "a signal by fcntl": lambda: raw("fcntl", 0, 8, PARENT),
    }
    found = {name: outcome(attempt) for name, attempt in tried.items()}
    return found | {name: outcome(lambda name=name: raw(name)) for name in calls}


def control() -> dict[str, str]:
    """Some of the same with no jail around: a refusal means something only if this succeeds."""
    tried: dict[str, Callable[[], Any]] = {
        "read /etc/passwd": lambda: read("/etc/passwd"),
        "list /tmp": lambda: os.listdir("/tmp"),
        "read the parent's environment": lambda: read(f"/proc/{PARENT}/environ"),
        "a socket": lambda: socket.socket().close(),
        "a signal to the parent": lambda: os.kill(PARENT, 0),
    }
    return {name: outcome(attempt) for name, attempt in tried.items()}


def seen() -> dict[str, Any]:
    """What is left around the child, and that a worker still works."""
    import tobari.enclave.workers.supervisor as lazily_read
    from tobari.enclave.workers import jail

    thread = threading.Thread(target=int)
    return {
        "environment": len(jail._environment().strip(b"\0")) + len(os.environ),
        "descriptors": sorted(
            int(name) for name in os.listdir("/proc/self/fd") if os.path.lexists(f"/proc/self/fd/{name}")
        ),
        "streams": [os.readlink(f"/proc/self/fd/{stream}") for stream in (0, 1, 2)],
        "thread": outcome(lambda: (thread.start(), thread.join())),
        "code": outcome(lambda: pathlib.Path(lazily_read.__file__).read_bytes()),
    }


def jailed() -> dict[str, Any]:
    """Fork as the worker server does, enter the jail, try."""
    succeeds = control()
    os.environ.update(worker_server._ONE_THREAD)
    from tobari.enclave.workers import engine, jail

    os.open("/dev/null", os.O_RDONLY)  # something to inherit
    listening, report = os.pipe()
    if os.fork() == 0:
        try:
            jail.silence(0, 1, 2)
            connection, in_force = jail.enter(
                server=PARENT,
                keep=[report],
                seconds=30,
                memory=256 << 20,
                file_size=1 << 20,
                prepare=lambda: engine.connect(memory=128 << 20),
            )
            answer = connection.execute("SELECT sum(i)::BIGINT FROM range(1000) t(i)").fetchall()
            found = {
                "guards": in_force,
                "attempts": attempts(CALLS),
                "answer": answer,
                "sql": engine_attempts(connection),
            }
            os.write(report, json.dumps(found | {"seen": seen(), "report": report}).encode())
        except BaseException as error:
            os.write(report, json.dumps({"error": repr(error)}).encode())
        finally:
            os._exit(0)
    os.close(report)
    with os.fdopen(listening) as pipe:
        return json.load(pipe) | {"control": succeeds}


def engine_attempts(connection: Any) -> dict[str, str]:
    """What DuckDB itself says to the same, without the check that it is one SELECT."""
    attacks = [
        "ATTACH '/tmp/tobari-probe.db' AS x",
        "COPY (SELECT 1) TO '/tmp/tobari-probe'",
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM read_text('/etc/passwd')",
        "SELECT * FROM '/etc/passwd'",
        "SELECT * FROM glob('/*')",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SET enable_external_access = true",
        "SET lock_configuration = false",
        "PRAGMA enable_external_access = true",
        "EXPORT DATABASE '/tmp/tobari-probe'",
        "CREATE PERSISTENT SECRET s (TYPE http)",
        "SELECT getenv('HOME')",
    ]
    return {attack: outcome(lambda attack=attack: connection.execute(attack).fetchall()) for attack in attacks}


def locked() -> dict[str, Any]:
    listening, report = socket.socketpair()
    in_force = lockdown.apply()
    report.sendmsg([b"x"])  # the streams it has go on working
    assert listening.recv(1) == b"x"
    tried = attempts([name for name in CALLS if name not in KEEPER_NEEDS])
    needs = {
        "a memory file": outcome(lambda: os.memfd_create("probe")),
        "a thread": outcome(lambda: threading.Thread(target=int).start()),
        "its code": outcome(lambda: pathlib.Path(lockdown.__file__).read_bytes()),
    }
    return {"guards": in_force, "attempts": tried, "needs": needs}


if __name__ == "__main__":
    print(json.dumps(locked() if sys.argv[1:] == ["keeper"] else jailed()))
