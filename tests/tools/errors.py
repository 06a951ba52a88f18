"""The list of error codes, read from the code: `python -m tests.tools.errors` writes docs/reference/errors.md.

Every call of a class of `tobari.base.errors` with a code written out is an entry, wherever in src it stands. So is a
report with a status and a code written out. Codes that are passed on from elsewhere (an error that another party
reported) are no entries: they were raised there first.
"""

from __future__ import annotations

import ast
import collections
import dataclasses
import pathlib
import re

from tobari.base import errors

ROOT = pathlib.Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src" / "tobari"
PAGE = ROOT / "docs" / "reference" / "errors.md"
CODE = re.compile(r"[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*")

CLASSES = {
    name: kind
    for name, kind in vars(errors).items()
    if isinstance(kind, type) and issubclass(kind, errors.TobariError) and kind is not errors.TobariError
}

HEADER = """# Error codes

Written by `python -m tests.tools.errors` from the code; a test holds it current.

Every error has a code that stays, an HTTP status and a message that says what to do next. Programs act on the code.
In a message, `…` stands for what differs from case to case: names of columns, rules and owners, never data.
"""

MEANING = {
    "Malformed": "The bytes are not what their format says.",
    "Unauthorized": "Nobody we know signed this.",
    "Refused": "Understood, and not permitted.",
    "NotFound": "There is no such thing, or it is not for you.",
    "Conflict": "It was permitted, and the state forbids it.",
    "TooLarge": "A limit on what comes from outside.",
    "Untrusted": "Evidence, a proof or a signature does not hold. Do not go on.",
    "Limited": "Too often: wait and try again.",
    "Broken": "An invariant of the software itself does not hold: it stops, please report it.",
    "Unavailable": "Not now: try again later.",
}


@dataclasses.dataclass(frozen=True)
class Raised:
    """One place that makes an error."""

    code: str
    kind: str
    message: str
    module: str


def collect(source: pathlib.Path = SOURCE) -> list[Raised]:
    """Every error code written out in the modules below `source`."""
    found = []
    for path in sorted(source.rglob("*.py")):
        module = ".".join(path.relative_to(source.parent).with_suffix("").parts).removesuffix(".__init__")
        calls = (node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Call))
        found += [Raised(*error, module) for call in calls if (error := _raised(call) or _reported(call))]
    return found


def _raised(call: ast.Call) -> tuple[str, str, str] | None:
    """Code, class and message of `Refused("family.reason", "...")`."""
    match call:
        case ast.Call(func=function, args=[ast.Constant(value=str(code)), *rest]) if _class_name(function) in CLASSES:
            return code, _class_name(function), _text(rest[0]) if rest else "…"
    return None


def _reported(call: ast.Call) -> tuple[str, str, str] | None:
    """The same of `ErrorReport(status=500, code="family.reason", message="...")`."""
    match {keyword.arg: keyword.value for keyword in call.keywords}:
        case {"status": ast.Constant(value=int(status)), "code": ast.Constant(value=str(code)), "message": message}:
            return code, type(errors.from_status(status, code, "")).__name__, _text(message)
    return None


def _class_name(function: ast.expr) -> str:
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


def _text(node: ast.expr) -> str:
    """The message as a reader of the page sees it."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=parts):
            return "".join(_text(part) for part in parts)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return _text(left) + _text(right)
        case _:
            return "…"


def page(raised: list[Raised]) -> str:
    """docs/reference/errors.md: one table for each class, one row for each code."""
    rows: dict[str, dict[str, list[Raised]]] = collections.defaultdict(lambda: collections.defaultdict(list))
    for error in raised:
        rows[error.kind][error.code].append(error)
    parts = [HEADER]
    for kind in sorted(rows, key=lambda name: CLASSES[name].status):
        parts.append(
            f"\n## {CLASSES[kind].status} {kind}\n\n{MEANING[kind]}\n\n| code | message | from |\n|---|---|---|\n"
        )
        for code, places in sorted(rows[kind].items()):
            messages = " *or* ".join(_cell(m) for m in dict.fromkeys(place.message for place in places))
            modules = ", ".join(f"`{m}`" for m in dict.fromkeys(place.module for place in places))
            parts.append(f"| `{code}` | {messages} | {modules} |\n")
    return "".join(parts)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")


if __name__ == "__main__":
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    PAGE.write_text(page(collect()), "utf-8")
