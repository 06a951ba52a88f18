"""What the proxy answers: results and errors as JSON, never cached and never logged."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.responses import Response

from tobari.base.errors import TobariError
from tobari.cli import call
from tobari.cli.proxy.values import to_json
from tobari.client.result import Result
from tobari.host.problems import problem

_NO_STORE = {"cache-control": "no-store"}


def document(result: Result) -> dict[str, Any]:
    """What became of a command: id, status, value, receipt, and `error` if it has one."""
    known = call.document(result)
    known["value"] = to_json(result.value)
    if known["receipt"] is not None:
        del known["receipt"]["file"]
    if result.error is not None:
        error = result.error
        known["error"] = {"code": error.code, "message": error.message, "status": error.status}
    return known


def json(value: Any, status: int = 200) -> Response:
    """One line of JSON."""
    return Response(msgspec.json.encode(value) + b"\n", status, _NO_STORE, "application/json")


def of_call(result: Result) -> Response:
    """The answer to a call: 200, or a problem if the service refused it. A refusal, too, may have a receipt."""
    known = document(result)
    if result.error is None:
        return json(known)
    return refusal(result.error, {name: known[name] for name in ("id", "status", "receipt")})


def refusal(error: TobariError, command: dict[str, Any]) -> Response:
    """A problem whose member `command` says what is known of the command."""
    return problem(error.status, error, members={"command": command})
