"""Looking for plaintext where it must not be: in files, and in the memory of a running process (proc(5)).

A needle is bytes that stand for a secret. What is read is read in pieces that overlap by the longest needle, so that no
place is missed. It finds plaintext as it was written, or as one of the spellings the needle was given; it cannot find
what somebody encoded in another way.
"""

from __future__ import annotations

import base64
import math
import os
import struct
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from tobari.base.errors import Unavailable

PIECE = 8 << 20
"""Bytes read at a time."""


@dataclass(frozen=True, kw_only=True)
class Needle:
    """One secret and how it may be spelled."""

    name: str
    """What it is; shown when it is found."""
    spellings: tuple[bytes, ...]

    def __repr__(self) -> str:
        return f"Needle({self.name!r}, …)"


@dataclass
class Findings:
    """What a search has read, and where it found something."""

    bytes_read: int = 0
    found: dict[str, list[str]] = field(default_factory=dict)
    """Places by the name of the needle."""

    def add(self, other: Findings) -> None:
        self.bytes_read += other.bytes_read
        for name, places in other.found.items():
            self.found.setdefault(name, []).extend(places)


def text(name: str, value: str) -> Needle:
    """A text, as it is."""
    return Needle(name=name, spellings=(value.encode(),))


def key(name: str, value: bytes) -> Needle:
    """A key as raw bytes, in hex and in base64."""
    encoded = base64.b64encode(value).rstrip(b"=")
    url = base64.urlsafe_b64encode(value).rstrip(b"=")
    return Needle(name=name, spellings=tuple(dict.fromkeys((value, value.hex().encode(), encoded, url))))


def number(name: str, value: float) -> Needle:
    """A number as JSON, CSV and Python spell it, and as a 64-bit float of either byte order (CBOR has the first)."""
    return Needle(name=name, spellings=(repr(value).encode(), struct.pack(">d", value), struct.pack("<d", value)))


def search(data: bytes, needles: Iterable[Needle]) -> Findings:
    """Data at hand."""
    return _search(iter([(data, len(data))]), tuple(needles), place="data")


def search_folder(folder: Path, needles: Iterable[Needle]) -> Findings:
    """All files below a folder, those that vanish meanwhile left out.

    Raises:
        OSError: a file cannot be read.
    """
    findings, needles = Findings(), tuple(needles)
    for path in sorted(folder.rglob("*")):
        if path.is_symlink() or not path.is_file():
            continue
        try:
            with path.open("rb") as file:
                findings.add(_search(_pieces(file, 0, None, needles), needles, place=str(path.relative_to(folder))))
        except FileNotFoundError:
            continue
    return findings


def search_memory(pid: int, needles: Iterable[Needle]) -> Findings:
    """All memory that a process can read, the code it runs included.

    Raises:
        Unavailable: `demo.memory`, the kernel does not let us look.
    """
    findings, needles = Findings(), tuple(needles)
    try:
        with open(f"/proc/{pid}/maps", encoding="ascii", errors="replace") as maps:
            regions = [_region(line) for line in maps]
        with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
            for start, end, readable, name in regions:
                if readable:
                    findings.add(_search(_pieces(memory, start, end, needles), needles, place=name))
    except PermissionError:
        raise Unavailable("demo.memory", "The kernel does not let this user read that process's memory.") from None
    return findings


def entropy(data: bytes) -> float:
    """Bits for each byte, by how often each value occurs: 8 for what looks random, 4 to 5 for text."""
    counts = Counter(data).values()
    return -sum(n / len(data) * math.log2(n / len(data)) for n in counts) if data else 0.0


def _search(pieces: Iterator[tuple[bytes, int]], needles: tuple[Needle, ...], *, place: str) -> Findings:
    findings = Findings()
    for piece, new in pieces:
        findings.bytes_read += new
        for needle in needles:
            if needle.name not in findings.found and any(spelling in piece for spelling in needle.spellings):
                findings.found[needle.name] = [place]
    return findings


def _pieces(file: BinaryIO, start: int, end: int | None, needles: tuple[Needle, ...]) -> Iterator[tuple[bytes, int]]:
    """Pieces of the file from `start` on, each with the end of the one before it, and how many bytes of it are new."""
    keep = max((len(spelling) for needle in needles for spelling in needle.spellings), default=1) - 1
    tail, at = b"", start
    while end is None or at < end:
        try:
            file.seek(at)
            data = file.read(PIECE if end is None else min(PIECE, end - at))
        # Pages that belong to the kernel or to a device are not memory of the process; the rest of the region is.
        except OSError as error:
            if isinstance(error, PermissionError) or end is None:
                raise
            return
        if not data:
            return
        yield tail + data, len(data)
        tail, at = (tail + data)[-keep:] if keep else b"", at + len(data)


def _region(line: str) -> tuple[int, int, bool, str]:
    """Start, end, readable and name of a line of /proc/PID/maps."""
    span, mode, _, _, _, *name = line.split(maxsplit=5)
    start, _, end = span.partition("-")
    label = name[0].strip() if name else "anonymous"
    # [vvar] and [vsyscall] are the kernel's own, the same in every process.
    return int(start, 16), int(end, 16), mode[0] == "r" and not label.startswith("[v"), os.path.basename(label)
