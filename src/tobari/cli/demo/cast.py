"""Who acts in the demo: each has a folder, a profile and a key of its own, and meets the others over HTTP alone."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tobari.base.errors import TobariError, Unavailable
from tobari.cli.demo import consortium
from tobari.cli.demo.service import Service
from tobari.cli.demo.tap import Tap
from tobari.cli.demo.trial import Trial
from tobari.client import files
from tobari.client.invite import Invite
from tobari.client.objects import DataKey, SealedObject
from tobari.client.profile import KnownService, Profile
from tobari.client.session import Session
from tobari.crypto.signing import SigningKey

SERVICE = "lung-trial"
"""What everybody calls the service in their profile."""
_JOB_SECONDS = 60.0


@dataclasses.dataclass
class Contribution:
    """One dataset that a hospital handed in."""

    room: str
    key: DataKey
    sealed: SealedObject
    entry: int
    job: bytes


class Actor:
    """A member, or the stranger."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self.folder = folder
        self.profile = Profile(folder / "profile")
        folder.mkdir(mode=0o700)
        self.key: SigningKey = self.profile.create_key(name)
        self.contributions: dict[str, Contribution] = {}
        self._session: Session | None = None

    @property
    def session(self) -> Session:
        assert self._session is not None
        return self._session

    def join(self, invite: Invite, *, via: str) -> Session:
        """Appraise the invite's service, reached at the address `via`, and remember it under its own address."""
        self.leave()
        there = dataclasses.replace(invite, url=via)
        self._session = Session.join(there, key=self.key, profile=self.profile)
        known = KnownService.from_invite(invite, key=self.name)
        self.profile.save_service(SERVICE, known)
        return self._session

    def leave(self) -> None:
        if self._session is not None:
            self._session.close()
            self._session = None

    def keep(self, name: str, data: bytes) -> Path:
        """Write a file of one's own."""
        path = self.folder / name
        files.replace(path, data)
        return path

    def ask(self, room: str, sql: str) -> Release:
        """Put a question, and wait for what is released.

        Raises:
            TobariError: the refusal.
        """
        asked = self.session.call("room", "run", {"room": room, "sql": sql})
        if asked.value["job"] is not None:
            self.wait(asked.value["job"])
        kept = self.release(asked.value["release"])
        return Release(id=asked.value["release"], asked=asked, kept=kept)

    def release(self, release: bytes) -> dict[str, Any]:
        """A release that this member may have."""
        kept: dict[str, Any] = self.session.query("room", "release", {"release": release})
        return kept

    def wait(self, job: bytes) -> None:
        """Until a job of one's own is done.

        Raises:
            Unavailable: `demo.job`, it failed or takes too long.
        """
        deadline = time.monotonic() + _JOB_SECONDS
        while time.monotonic() < deadline:
            state = self.session.query("room", "job", {"job": job})
            if state["state"] == "done":
                return
            if state["state"] != "running":
                raise Unavailable(
                    "demo.job", f"A job of {self.name} ended as {state['state']} ({state['error']['code']})."
                )
            time.sleep(0.05)
        raise Unavailable("demo.job", f"A job of {self.name} takes longer than {_JOB_SECONDS:.0f} seconds.")


@dataclasses.dataclass(frozen=True)
class Release:
    """An answer, and the command that asked for it."""

    id: bytes
    asked: Any
    kept: dict[str, Any]

    @property
    def rows(self) -> list[list[Any]]:
        rows: list[list[Any]] = self.kept["result"]["rows"]
        return rows


@dataclasses.dataclass
class Cast:
    """Everybody, the service they meet at, and the tap through which the members reach it."""

    folder: Path
    trial: Trial
    service: Service
    tap: Tap
    hospitals: list[Actor]
    analyst: Actor
    stranger: Actor

    @classmethod
    def assemble(cls, folder: Path, trial: Trial) -> Cast:
        """Make everybody's folder and key, and the operator's genesis file out of the members' public keys."""
        operator = folder / "operator"
        operator.mkdir(mode=0o700)
        hospitals = [Actor(name, folder / name) for name in consortium.HOSPITALS]
        analyst = Actor(consortium.ANALYST, folder / consortium.ANALYST)
        keys = {actor.name: actor.key.public.raw.hex() for actor in (*hospitals, analyst)}
        (operator / "genesis.toml").write_text(consortium.genesis(keys), "utf-8")
        return cls(
            folder=folder,
            trial=trial,
            service=Service(operator),
            tap=Tap(operator / "wire"),
            hospitals=hospitals,
            analyst=analyst,
            stranger=Actor("stranger", folder / "stranger"),
        )

    @property
    def members(self) -> list[Actor]:
        return [*self.hospitals, self.analyst]

    def start_service(self) -> None:
        """`tobari up`, and the tap in front of it."""
        self.service.start()
        self.tap.relay_to("127.0.0.1", self.service.port)

    def leave(self) -> None:
        """Everybody closes their connections."""
        for actor in (*self.members, self.stranger):
            actor.leave()


def refusal(attempt: Callable[[], object]) -> TobariError | None:
    """The error an attempt ends with; None if it goes through."""
    try:
        attempt()
    except TobariError as error:
        return error
    return None
