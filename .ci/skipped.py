"""Fail if a test was skipped that is not on the list of allowed skips: `skipped.py REPORT.xml LIST`."""

import pathlib
import sys
import xml.etree.ElementTree as ET


def skipped(report: str) -> dict[str, str]:
    """Test id and reason of every skipped test in a JUnit report of our own pytest run."""
    cases = ET.parse(report).iter("testcase")  # noqa: S314 - pytest wrote it, just now
    return {
        f"{case.get('classname')}::{case.get('name')}": mark.get("message") or ""
        for case in cases
        if (mark := case.find("skipped")) is not None
    }


def allowed(path: str) -> set[str]:
    """The ids on the list, without their reasons."""
    lines = pathlib.Path(path).read_text("utf-8").splitlines()
    return {line.partition(" # ")[0].strip() for line in lines if not line.startswith("#")} - {""}


if __name__ == "__main__":
    found = skipped(sys.argv[1])
    surprising = {name: reason for name, reason in found.items() if name not in allowed(sys.argv[2])}
    for name, reason in surprising.items():
        print(f"skipped without being on the list of allowed skips: {name} ({reason})", file=sys.stderr)
    sys.exit(1 if surprising else 0)
