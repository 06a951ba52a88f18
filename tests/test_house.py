"""The walls of the house (docs/adr/0001-zones.md), as tests: what imports what, and what an import brings along."""

from __future__ import annotations

import ast
import graphlib
import pathlib
import subprocess
import sys
import tomllib

import grimp
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src" / "tobari"
MODULES = sorted(SOURCE.rglob("*.py"))

EXTRAS = ("duckdb", "numpy", "pyarrow", "sqlglot", "starlette", "uvicorn", "landlock", "pyseccomp", "prometheus_client")
"""Top-level modules that only the extras `node` and `room` install."""

IMPORT_ALL = """
import importlib, pkgutil, sys
for name in sys.argv[1:]:
    package = importlib.import_module(name)
    for info in pkgutil.walk_packages(getattr(package, "__path__", []), name + "."):
        importlib.import_module(info.name)
"""
FORBID_EXTRAS = f"""
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {EXTRAS!r}:
            raise ModuleNotFoundError(f"{{name}} is not part of the base install", name=name)
sys.meta_path.insert(0, Absent())
"""


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    return grimp.build_graph("tobari", include_external_packages=True, cache_dir=None)


def run_fresh(code: str, *arguments: str) -> str:
    """What a new interpreter prints; it sees no module that this one has loaded."""
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, cwd=ROOT, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_contracts_of_the_import_linter_are_kept() -> None:
    done = subprocess.run(
        [pathlib.Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def test_every_zone_that_stands_is_behind_its_walls() -> None:
    linter = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]
    contracts = {contract["name"]: contract for contract in linter["contracts"]}
    zones = {path.parent.name for path in SOURCE.glob("*/__init__.py")}
    layers = " | ".join(contracts["Zones: who can see what"]["layers"]).split(" | ")
    assert {layer for layer in layers if not layer.startswith("(")} == zones
    walled = contracts["Only crypto imports cryptography"]["source_modules"]
    assert {module.removeprefix("tobari.") for module in walled} == zones - {"crypto"}
    relying = contracts["The relying party never imports the enclave or the host"]["source_modules"]
    assert {module.removeprefix("tobari.") for module in relying} == zones & {"client", "evidence", "ledger", "rules"}


def test_the_modules_import_each_other_without_a_cycle(graph: grimp.ImportGraph) -> None:
    own = {name for name in graph.modules if name.partition(".")[0] == "tobari"}
    arrows = {name: graph.find_modules_directly_imported_by(name) & own for name in own}
    list(graphlib.TopologicalSorter(arrows).static_order())  # raises CycleError, which names the cycle


def test_only_the_workers_parse_what_owners_supply(graph: grimp.ImportGraph) -> None:
    importers = {
        name
        for library in ("duckdb", "pyarrow")
        if library in graph.modules
        for name in graph.find_modules_that_directly_import(library)
    }
    assert {name for name in importers if not name.startswith("tobari.enclave.workers.")} == set()


@pytest.mark.parametrize("zone", ["client", "evidence", "ledger", "rules"])
def test_the_verifier_loads_neither_enclave_nor_host(zone: str) -> None:
    loaded = run_fresh(IMPORT_ALL + "print(*sys.modules)", f"tobari.{zone}").split()
    assert f"tobari.{zone}" in loaded
    assert [name for name in loaded if name.startswith(("tobari.enclave", "tobari.host"))] == []


@pytest.mark.parametrize("module", ["client", "evidence", "ledger", "rules.query.terms", "cli.application"])
def test_the_base_install_is_enough_for_the_relying_party(module: str) -> None:
    run_fresh(FORBID_EXTRAS + IMPORT_ALL, f"tobari.{module}")


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(SOURCE).as_posix())
def test_every_module_says_what_it_is_for(path: pathlib.Path) -> None:
    text = path.read_text("utf-8")
    assert ast.get_docstring(ast.parse(text)), "a module opens with its purpose"
    assert text.count("\n") <= 500, "one noun has rarely more than 500 lines: split it"
