"""Errors as HTTP answers: RFC 9457 problem details, with the error's stable code as member `code`.

Every error leaves this way, the framework's own (no such route, wrong method) included. `type` is always
`about:blank`: the code says which problem it is, docs/reference/errors.md what to do about it.
"""

from __future__ import annotations

import logging
from http import HTTPStatus

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from tobari.base.errors import TobariError

_log = logging.getLogger("tobari.host")

PROBLEM_TYPE = "application/problem+json"
RETRY_SECONDS = 1


class SlowBody(TobariError):
    status = HTTPStatus.REQUEST_TIMEOUT


class WrongMediaType(TobariError):
    status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE


class StorageFull(TobariError):
    status = HTTPStatus.INSUFFICIENT_STORAGE


_FRAMEWORK = {
    404: ("http.not_found", "There is nothing here; /v1/openapi.json lists what there is."),
    405: ("http.method", "This method is not for this address; the Allow header lists those that are."),
}


def problem(status: int, code: str, detail: str, headers: dict[str, str] | None = None) -> Response:
    """An `application/problem+json` answer."""
    body = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "code": code,
    }
    extra = {"retry-after": str(RETRY_SECONDS)} if status in (429, 503) else {}
    return Response(
        msgspec.json.encode(body),
        status,
        {"cache-control": "no-store", **extra, **(headers or {})},
        media_type=PROBLEM_TYPE,
    )


async def on_crash(_: Request, error: Exception) -> Response:
    """Starlette's handler for what nobody foresaw. The exception's text may quote data, so only its kind is logged."""
    _log.error("http.crash: %s at %s", type(error).__name__, _where(error))
    return problem(500, "http.crash", "The host failed at this request; its operator can see where in its log.")


async def on_disconnect(_: Request, __: Exception) -> Response:
    """Starlette's handler for clients that went away. Nobody reads this."""
    return Response(status_code=400)


def _where(error: Exception) -> str:
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    return f"{frame.tb_frame.f_code.co_qualname}:{frame.tb_lineno}" if frame else "?"


async def on_error(_: Request, error: Exception) -> Response:
    """Starlette's handler for the errors that are raised on purpose."""
    if isinstance(error, TobariError):
        return problem(error.status, error.code, error.message)
    assert isinstance(error, HTTPException)
    code, detail = _FRAMEWORK.get(error.status_code, ("http.error", "This request cannot be served."))
    return problem(error.status_code, code, detail, dict(error.headers or {}))
