"""schemathesis against a running node: what its OpenAPI document says holds, whatever is asked.

As a process of its own: its plugin for pytest costs every test run a second, and stays off (pyproject.toml).
"""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys

from tests.fuzz.node import ROOT, node
from tobari.host.openapi import DOCUMENT

EXAMPLES = os.environ.get("TOBARI_FUZZ_EXAMPLES", "20")
OPERATIONS = sum(1 for path in DOCUMENT["paths"].values() for method in path if method != "parameters") - 1
"""All but the document itself, which schemathesis has read by then."""
NOT_CHECKED = {
    # Bytes are an envelope to the schema, and only the enclave can tell that they are none.
    "positive_data_acceptance",
}


def test_a_node_does_what_its_openapi_document_says(tmp_path: pathlib.Path) -> None:
    with node(tmp_path / "node", requests_per_second=1e9, burst=1 << 30) as it:
        command = [str(pathlib.Path(sys.executable).with_name("schemathesis")), "run", f"{it.url}/v1/openapi.json"]
        command += [f"--max-examples={EXAMPLES}", f"--exclude-checks={','.join(sorted(NOT_CHECKED))}"]
        command += ["--no-color", "--generation-database=none", "--continue-on-failure"]
        found = subprocess.run(
            command,
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT), "SCHEMATHESIS_HOOKS": "tests.fuzz.openapi_hooks"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert found.returncode == 0, found.stdout[-6000:] + found.stderr[-2000:]
        assert f"{OPERATIONS} selected / {OPERATIONS} total" in found.stdout
