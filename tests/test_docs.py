"""The documents are tested against the code: commands, links, paths, error codes and test names must exist."""

from __future__ import annotations

import ast
import functools
import importlib
import pathlib
import re
import shlex
import tomllib
from typing import Any

import pytest

from tests.tools import errors

ROOT = pathlib.Path(__file__).resolve().parents[1]
PAGES = sorted(
    [
        *ROOT.glob("*.md"),
        *(
            page
            for folder in ("docs", "spec", "vectors", "examples", "bench")
            for page in (ROOT / folder).rglob("*.md")
        ),
    ]
)
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")

# Put together here so that this file does not contain what it looks for.
_HOSTS = "|".join(("pypi", "npmjs", "crates"))
_PLACES = "|".join(("work/main", "work/shared", "tmp/bash_jobs", "tmp/scratch", "opt/pypi", "root/"))
FORBIDDEN = {
    "a package registry": re.compile(rf"\b(?:{_HOSTS})\.(?:org|io|com)\b|python" + "hosted"),
    "one workplace": re.compile(rf"(?<![\w.])/(?:{_PLACES})"),
}
MADE = {".git", ".venv", "build", "dist", ".mypy_cache", ".ruff_cache", ".import_linter_cache", ".hypothesis"}
"""Top-level folders that are no part of what is published."""

page = pytest.mark.parametrize("page", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())


def commands(text: str, program: str) -> list[str]:
    """The command lines of `program` in code spans and fenced blocks."""
    lines = [line.strip().removeprefix("$ ") for block in FENCE.findall(text) for line in block.splitlines()[1:-1]]
    spans = [match.strip() for match in SPAN.findall(FENCE.sub("", text))]
    return [line for line in lines + spans if line.split(" ")[0] == program]


@page
def test_every_make_target_named_exists(page: pathlib.Path) -> None:
    targets = set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    for line in commands(page.read_text("utf-8"), "make"):
        words = [word for word in shlex.split(line, comments=True)[1:] if "=" not in word]
        assert set(words) <= targets, line


@functools.cache
def command_line() -> Any:
    """The root command of the `tobari` program, as typer builds it."""
    typer_main = importlib.import_module("typer.main")
    return typer_main.get_command(importlib.import_module("tobari.cli.application").app)


@page
def test_every_command_named_exists(page: pathlib.Path) -> None:
    lines = commands(page.read_text("utf-8"), "tobari")
    for line in lines:
        check_command(line)


def check_command(line: str) -> None:
    """Follow the words down the tree of commands, then look up the options."""
    words = shlex.split(line.rstrip("\\"), comments=True)[1:]
    command = command_line()
    while words and hasattr(command, "get_command") and not words[0].startswith("-"):
        alternatives = words.pop(0).split("|")
        command = [command.get_command(None, name) for name in alternatives][0 if len(alternatives) == 1 else -1]
        assert command is not None, f"{line}: there is no such command"
    known = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)} | {"--help"}
    used = {word.partition("=")[0].strip("[]") for word in words if word.strip("[]").startswith("--")}
    assert used <= known, f"{line}: no such option"


def anchor(heading: str) -> str:
    """The fragment that a heading gets when Markdown is shown."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


@page
def test_every_relative_link_leads_somewhere(page: pathlib.Path) -> None:
    for target in LINK.findall(FENCE.sub("", page.read_text("utf-8"))):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, fragment = target.partition("#")
        goal = (page.parent / path).resolve() if path else page
        assert goal.exists(), target
        assert goal.is_relative_to(ROOT), target
        if fragment:
            headings = re.findall(r"^#+ (.*)$", goal.read_text("utf-8"), re.MULTILINE)
            assert fragment in {anchor(heading) for heading in headings}, target


@page
def test_every_test_named_exists(page: pathlib.Path) -> None:
    for path, name in re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", page.read_text("utf-8")):
        tree = ast.parse((ROOT / path).read_text("utf-8"))
        names = {
            node.name
            for node in ast.walk(tree)
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        }
        assigned = {
            target.id
            for node in tree.body
            if isinstance(node, ast.Assign)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        assert name in names | assigned, f"{path} has no {name}"


def test_every_page_named_in_the_code_exists() -> None:
    named = {
        (match, path.relative_to(ROOT).as_posix())
        for folder in ("src", "tests", "bench")
        for path in (ROOT / folder).rglob("*.py")
        for match in re.findall(r"\b(?:docs|spec)/[\w/-]+\.md\b", path.read_text("utf-8"))
    }
    assert {(goal, source) for goal, source in named if not (ROOT / goal).exists()} == set()


def test_the_index_names_every_page() -> None:
    index = ROOT / "docs" / "README.md"
    linked = {(index.parent / target.partition("#")[0]).resolve() for target in LINK.findall(index.read_text("utf-8"))}
    pages = {page for page in PAGES if page.is_relative_to(ROOT / "docs") or page.is_relative_to(ROOT / "spec")}
    assert pages - linked - {index} == set()


def test_each_error_code_belongs_to_one_class() -> None:
    classes: dict[str, set[str]] = {}
    for error in errors.collect():
        assert errors.CODE.fullmatch(error.code), error
        classes.setdefault(error.code, set()).add(error.kind)
    assert {code: kinds for code, kinds in classes.items() if len(kinds) > 1} == {}


def test_each_error_code_stands_in_the_reference_once() -> None:
    written = re.findall(r"^\| `([\w.]+)` \|", errors.PAGE.read_text("utf-8"), re.MULTILINE)
    assert sorted(written) == sorted({error.code for error in errors.collect()})


def test_the_reference_of_errors_is_current() -> None:
    assert errors.PAGE.read_text("utf-8") == errors.page(errors.collect()), "run: python -m tests.tools.errors"


def test_the_changelog_knows_this_version() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    assert f"## {version}" in (ROOT / "CHANGELOG.md").read_text("utf-8")


@pytest.mark.parametrize("what", FORBIDDEN)
def test_no_file_names(what: str) -> None:
    top = [path for path in ROOT.iterdir() if path.name not in MADE]
    below = [path for folder in top if folder.is_dir() for path in folder.rglob("*") if path.suffix != ".pyc"]
    below = [path for path in below if ".peers" not in path.parts]  # what `make bench-peers` installs
    texts = ((path, path.read_text("utf-8", errors="replace")) for path in [*top, *below] if path.is_file())
    assert [path for path, text in texts if FORBIDDEN[what].search(text)] == []
