"""A room with one dataset, and questions to it whose answers are computed here as well."""

from __future__ import annotations

import itertools
import time
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from tests.faults.service import Service
from tobari.base import wire
from tobari.client.objects import DataKey, seal
from tobari.rules.query.terms import sign_terms
from tobari.rules.query.terms_file import from_toml

ROWS = 30_000
SECONDS = 40.0
NAME = "lung"
TERMS = """
room = "lung"
purpose = "a test of faults"
entity = "pid"
min_group = 3
recipients = ["analyst"]
[columns.pid]
type = "text"
role = "identifier"
[columns.sex]
type = "integer"
role = "quasi-identifier"
uses = ["group", "filter"]
[columns.days]
type = "integer"
role = "measure"
uses = ["aggregate"]
aggregates = ["AVG", "COUNT", "SUM"]
[columns.stage]
type = "integer"
role = "quasi-identifier"
uses = ["filter"]
"""


@dataclass
class Asked:
    """A question that the service took: the run command was acknowledged."""

    sql: str
    job: bytes
    release: bytes
    answer: list[list[Any]]


class Room:
    """The owner's data and the analyst's questions; every question is a new one."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._stages = itertools.count(1)
        self._rows = [(f"p{i}", i % 2 + 1, i % 500, i % 1000) for i in range(ROWS)]
        self._data = "".join(f"{a},{b},{c},{d}\n" for a, b, c, d in self._rows).encode()
        self.asked: list[Asked] = []

    def contribute(self) -> None:
        key = DataKey.generate()
        sealed = seal(b"pid,sex,days,stage\n" + self._data, key, object_index=0)
        with self._service.session("owner") as owner:
            owner.upload(sealed)
            terms = sign_terms(from_toml(TERMS, dataset=key.dataset), key=self._service.keys["owner"])
            args = {"room": NAME, "terms": terms, "objects": [wire.to_builtins(sealed.ref)], "format": "csv"}
            job = owner.call("room", "contribute", {**args, "data_key": key.secret}).value["job"]
            assert wait(owner, job)["state"] == "done"

    def ask(self, again: Asked | None = None) -> Asked:
        """Start a job; it may be killed from now on."""
        stage = 1000 - next(self._stages)
        sql = (
            again.sql
            if again
            else (
                f"select sex, count(*) as n, avg(days) as m from {NAME} where stage < {stage} group by sex order by sex"
            )
        )
        with self._service.session("analyst") as analyst:
            said = analyst.call("room", "run", {"room": NAME, "sql": sql}).value
        self.asked.append(Asked(sql, said["job"], said["release"], again.answer if again else self._answer(stage)))
        return self.asked[-1]

    def end_of(self, asked: Asked) -> dict[str, Any]:
        with self._service.session("analyst") as analyst:
            return wait(analyst, asked.job)

    def check(self) -> None:
        """The dataset is there as it was; every question that was taken is answered, by the right numbers."""
        with self._service.session("owner") as owner:
            (dataset,) = owner.query("room", "describe", {"room": NAME})
        assert (dataset["state"], dataset["rows"], dataset["entities"]) == ("ready", ROWS, ROWS)
        with self._service.session("analyst") as analyst:
            for asked in self.asked:
                assert wait(analyst, asked.job)["state"] == "done"
                result = analyst.query("room", "release", {"release": asked.release})["result"]
                assert result["rows"] == asked.answer

    def _answer(self, stage: int) -> list[list[Any]]:
        groups: dict[int, list[int]] = defaultdict(list)
        for _, sex, days, at in self._rows:
            if at < stage:
                groups[sex].append(days)
        return [[sex, len(days), sum(days) / len(days)] for sex, days in sorted(groups.items())]


def wait(session: Any, job: bytes) -> dict[str, Any]:
    """Until the job has ended."""
    deadline = time.monotonic() + SECONDS
    while (state := session.query("room", "job", {"job": job}))["state"] == "running":
        if time.monotonic() > deadline:
            raise TimeoutError(f"the job still runs: {state}")
        time.sleep(0.02)
    return dict(state)
