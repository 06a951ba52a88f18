"""The host with stops on its way to the disk: `python -m tests.faults.host CONFIG` (JSON), as `tobari up` starts it.

    TABLE:rows, TABLE:before-commit, TABLE:committed    a transaction of the log store: entries, snapshots, …
    upload:chunk                                        a chunk of an object was written
    upload:before-rename, upload:renamed                an object gets its name; the folder is not synced yet
    published                                           a checkpoint is public, its replies are not

The stops are put around sqlite3, os.rename and two methods, in this process only. Without "stops" it is the plain host.
"""

from __future__ import annotations

import dataclasses
import json
import logging
import os
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.faults.stops import Station
from tobari.base.errors import TobariError
from tobari.host.config import HostConfig, Limits
from tobari.host.objects import Upload
from tobari.host.published import PublishedLog
from tobari.host.serve import Serving, serve


def main() -> int:
    logging.basicConfig(level="INFO", format="%(name)s %(message)s")
    given = json.loads(sys.argv[1])
    config = HostConfig(
        data=Path(given["data"]),
        genesis=bytes.fromhex(given["genesis"]),
        virtual_root_path=Path(given["root"]),
        port=given["port"],
        limits=Limits(**given["limits"]),
    )
    if given["stops"]:
        _put_stops(Station(given["stops"]))
        command = [sys.executable, "-m", "tests.faults.relay", given["stops"], given["record"], str(given["every"])]
        config = dataclasses.replace(config, enclave_command=tuple(command))
    try:
        return serve(config, _ready)
    except TobariError as error:
        print(f"{error.code}: {error.message}", file=sys.stderr)
        return 1


def _ready(serving: Serving) -> None:
    print(json.dumps(dataclasses.asdict(serving)), flush=True)


def _put_stops(station: Station) -> None:
    class Connection(sqlite3.Connection):
        """Tells by the last statement with rows which table a COMMIT is about."""

        table = ""

        def executemany(self, statement: str, rows: Any) -> sqlite3.Cursor:  # type: ignore[override]
            done = super().executemany(statement, rows)
            self.table = statement.partition("INTO " if "INTO " in statement else "FROM ")[2].split(" ")[0]
            station.reach(f"{self.table}:rows")
            return done

        def execute(self, statement: str, *parameters: Any) -> sqlite3.Cursor:  # type: ignore[override]
            if statement != "COMMIT":
                return super().execute(statement, *parameters)
            station.reach(f"{self.table}:before-commit")
            done = super().execute(statement)
            station.reach(f"{self.table}:committed")
            return done

    connect = sqlite3.connect
    sqlite3.connect = lambda *args, **kwargs: connect(*args, factory=Connection, **kwargs)  # type: ignore[assignment]
    os.rename = _around(os.rename, station, before="upload:before-rename", after="upload:renamed")
    Upload.add = _around(Upload.add, station, after="upload:chunk")  # type: ignore[method-assign]
    PublishedLog.publish = _around(PublishedLog.publish, station, after="published")  # type: ignore[method-assign]


def _around(action: Callable[..., Any], station: Station, *, after: str, before: str | None = None) -> Any:
    def stopped(*args: Any, **kwargs: Any) -> Any:
        if before is not None:
            station.reach(before)
        done = action(*args, **kwargs)
        station.reach(after)
        return done

    return stopped


if __name__ == "__main__":
    sys.exit(main())
