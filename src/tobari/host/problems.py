"""Errors as HTTP answers: RFC 9457 problem details, with the error's stable code as member `code`.

Every error leaves this way, the framework's own (no such route, wrong method) included. `type` is always
`about:blank`: the code says which problem it is, docs/reference/errors.md what to do about it.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from http import HTTPStatus

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from tobari.base.errors import Broken, NotFound, Refused, TobariError

_log = logging.getLogger("tobari.host")

PROBLEM_TYPE = "application/problem+json"
RETRY_SECONDS = 1
"""Retry-After of everything that is only a matter of time."""

_FRAMEWORK: dict[int, TobariError] = {
    404: NotFound("http.not_found", "There is nothing here; /v1/openapi.json lists what there is."),
    405: Refused("http.method", "This method is not for this address; the Allow header lists those that are."),
}
_CRASH = Broken("http.crash", "The host failed at this request; its operator can see where in its log.")


def problem(
    status: int,
    error: TobariError,
    headers: dict[str, str] | None = None,
    *,
    members: Mapping[str, object] | None = None,
) -> Response:
    """An `application/problem+json` answer. `members` are extension members (RFC 9457, section 3.2)."""
    body = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": error.message,
        "code": error.code,
        **(members or {}),
    }
    retry = {"retry-after": str(RETRY_SECONDS)} if status in (429, 503) else {}
    return Response(
        msgspec.json.encode(body), status, {"cache-control": "no-store", **retry, **(headers or {})}, PROBLEM_TYPE
    )


async def on_error(_: Request, error: Exception) -> Response:
    """Starlette's handler for the errors that are raised on purpose, by us and by the framework."""
    if isinstance(error, TobariError):
        return problem(error.status, error)
    assert isinstance(error, HTTPException)
    return problem(error.status_code, _FRAMEWORK.get(error.status_code, _CRASH), dict(error.headers or {}))


async def on_crash(_: Request, error: Exception) -> Response:
    """Starlette's handler for what nobody foresaw. The exception's text may quote data, so only its kind is logged."""
    _log.error("http.crash: %s in %s", type(error).__name__, _where(error))
    return problem(500, _CRASH)


async def on_disconnect(_: Request, __: Exception) -> Response:
    """Starlette's handler for clients that went away. Nobody reads this."""
    return Response(status_code=400)


def _where(error: Exception) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_qualname}:{trace.tb_lineno}" if trace else "?"
