"""One service under load that is killed again and again, and what must be true each time it came back."""

from __future__ import annotations

import contextlib
import os
import resource
import secrets
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2

from tests.faults import load, nonces
from tests.faults.load import Load
from tests.faults.question import Asked, Room
from tests.faults.service import Service, is_jailed, workers
from tobari.base.errors import TobariError
from tobari.client.objects import DataKey, SealedObject, seal

CHUNKS = 3
WARM = 20
"""Commands acknowledged before anybody is killed."""
UNLIMITED = resource.RLIM_INFINITY
HOST, ENCLAVE, SERVER, WORKER = "host", "enclave", "worker server", "worker"


class World:
    """A service with accounts (`load`) and a room (`room`), over all its restarts."""

    def __init__(self, folder: Path) -> None:
        load.hurry()
        self.service = Service(folder, stops=True)
        assert self.service.stops is not None
        self.stops = self.service.stops
        self.load = Load(self.service)
        self.room = Room(self.service)
        self.restarts = 0

    @classmethod
    @contextlib.contextmanager
    def open(cls, folder: Path) -> Iterator[World]:
        world = cls(folder)
        with world.service:
            world.service.start()
            world.room.contribute()
            with world.load.running():
                world.load.wait_for(WARM)
            world.check()
            yield world
            world.check_nonces()

    @property
    def database(self) -> Path:
        return self.service.data / "log.sqlite"

    @property
    def wal(self) -> Path:
        return self.service.data / "log.sqlite-wal"

    # --- what is done to it ---

    def kill(self, victim: str) -> None:
        match victim:
            case "host":
                self.service.kill_host()
            case "enclave":
                self.service.kill_enclave()
            case "worker server":
                self.service.remember()
                os.kill(self.service.worker_server, signal.SIGKILL)

    def killed_at(self, stop: str, victim: str, *, drop: bool = False, do: Callable[[], object] | None = None) -> None:
        """Kill the victim while the process that reached the stop stands there, everybody sending; then start again."""
        with self.load.running():
            self.load.wait_for(WARM)
            with self.stops.at(stop), _beside(do):
                held = self.stops.wait()
                self.kill(victim)
                held.let_go(drop=drop)
            self.over(victim)
        self.start_again()

    def over(self, victim: str) -> None:
        """A killed host is gone; when enclave or worker server are killed, the host ends by itself and says why."""
        code = self.service.ended()
        assert code == (-signal.SIGKILL if victim == HOST else 1)

    def start_again(self) -> None:
        self.restarts += 1
        self.service.start()
        self.check()

    def check(self) -> None:
        assert "Traceback" not in self.service.said()
        self.load.check()
        self.room.check()
        for path in (self.service.data / "objects").rglob(".*"):
            offered = httpx2.head(f"{self.service.url}/v1/objects/{path.name[1:65]}").headers.get("upload-offset")
            assert offered == str(path.stat().st_size), "an upload that was cut off left what nobody can go on with"

    def check_nonces(self) -> int:
        """How many were used; raises if one was used twice."""
        used = nonces.used(self.service.record, self.service.root.read_bytes())
        twice = [kind for (kind, _, _), count in used.items() if count > 1]
        assert not twice
        return len(used)

    # --- starts ---

    def killed_while_starting(self, stop: str, victim: str) -> None:
        self.kill(HOST)
        self.over(HOST)
        with self.stops.at(stop):
            self.service.launch()
            held = self.stops.wait()
            self.kill(victim)
            held.let_go(drop=True)
            self.over(victim)
        self.start_again()

    # --- objects ---

    def upload(self) -> tuple[SealedObject, DataKey, bytes]:
        """A new object, not sent yet."""
        key, data = DataKey.generate(), secrets.token_bytes((CHUNKS << 20) - 5)
        return seal(data, key, object_index=0), key, data

    def killed_while_uploading(self, stop: str, victim: str) -> None:
        sealed, key, data = self.upload()
        with self.service.session("owner") as owner:
            self.killed_at(stop, victim, do=lambda: owner.upload(sealed))
        self.check_object(sealed, key, data)

    def check_object(self, sealed: SealedObject, key: DataKey, data: bytes) -> None:
        """It is here wholly or not at all, and can be sent again."""
        path = f"{self.service.url}/v1/objects/{sealed.ref.root.hex()}"
        with self.service.session("owner") as owner:
            for _ in range(2):
                if httpx2.head(path).status_code == 200:
                    read = bytearray()
                    owner.download(sealed.ref, key, object_index=0, write=read.extend)
                    assert bytes(read) == data
                owner.upload(sealed)
            assert httpx2.head(path).status_code == 200

    # --- jobs ---

    def killed_in_worker(self, victim: str, *, result: bool = False) -> None:
        """Stop the worker in its tracks, so that it is certainly at work, and kill; or let it finish unheard first."""
        with self.load.running():
            self.load.wait_for(WARM)
            server, enclave = self.service.worker_server, self.service.enclave
            found: list[int] = []
            watcher = threading.Thread(target=_stop_worker, args=(server, found))
            watcher.start()
            asked = self.room.ask()
            watcher.join()
            (worker,) = found
            self.service.remember()
            if result:
                os.kill(enclave, signal.SIGSTOP)
                os.kill(worker, signal.SIGCONT)
                _until(lambda: not workers(server))
            if victim == WORKER:
                os.kill(worker, signal.SIGKILL)
                ended = self.room.end_of(asked)
            else:
                self.kill(victim)
                if victim == HOST and result:
                    os.kill(enclave, signal.SIGCONT)
                self.over(victim)
        if victim == WORKER:
            self._ask_again(asked, ended["state"], ended["error"]["code"])
            self.check()
        else:
            self.start_again()

    def _ask_again(self, failed: Asked, state: str, code: str) -> None:
        """A job whose worker died has failed, for everybody to see; the question can be asked again."""
        assert (state, code) == ("failed", "worker.died")
        self.room.asked.remove(failed)
        self.room.ask(failed)

    # --- disks ---

    def limit_files(self, size: int) -> None:
        """The host cannot write beyond `size` bytes of any file: prlimit(2) needs no mount and no rights."""
        resource.prlimit(self.service.pid, resource.RLIMIT_FSIZE, (size, UNLIMITED))


def _stop_worker(server: int, found: list[int]) -> None:
    """Stop the next worker once it is in its jail, so that nothing but the job is left to do."""

    def look() -> bool:
        found[:] = [pid for pid in workers(server) if is_jailed(pid)]
        return bool(found)

    _until(look)
    os.kill(found[0], signal.SIGSTOP)


def _until(true: Callable[[], bool], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            raise TimeoutError
        time.sleep(0.0005)


@contextlib.contextmanager
def _beside(do: Callable[[], object] | None) -> Iterator[None]:
    """Run something in a thread of its own that the killed service cuts short."""
    if do is None:
        yield
        return

    def run() -> None:
        with contextlib.suppress(TobariError):
            do()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        thread.join()
