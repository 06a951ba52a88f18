"""The proxy's interface as one ASGI application: its routes, and how its errors leave (RFC 9457)."""

from __future__ import annotations

import logging

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp

from tobari.base.errors import Broken, TobariError
from tobari.cli.proxy.about import About
from tobari.cli.proxy.calls import Calls
from tobari.cli.proxy.datasets import Datasets
from tobari.cli.proxy.gate import Gate
from tobari.cli.proxy.statuses import Statuses
from tobari.cli.proxy.submitted import Submitted
from tobari.client.session import AsyncSession
from tobari.crypto.signing import SigningKey
from tobari.host.problems import on_disconnect, on_error, problem

_log = logging.getLogger("tobari.proxy")


def build_app(session: AsyncSession, key: SigningKey | None, *, token: str, port: int) -> ASGIApp:
    """The whole interface over one session.

    Args:
        key: signs the terms of datasets; None if the session has none either.
        token: what every request must carry.
        port: that the proxy listens on.
    """
    submitted = Submitted()
    app = Starlette(
        routes=[
            *About(session, submitted).routes(),
            *Statuses(session, submitted).routes(),
            *Datasets(session, key, submitted).routes(),
            *Calls(session, submitted).routes(),
        ],
        exception_handlers={
            HTTPException: on_error,
            TobariError: on_error,
            ClientDisconnect: on_disconnect,
            Exception: _on_crash,
        },
    )
    app.router.redirect_slashes = False
    return Gate(app, token=token, port=port)


async def _on_crash(_: Request, error: Exception) -> Response:
    """What nobody foresaw. The exception's text may quote data, so only its kind is logged."""
    _log.error("proxy.crash: %s", type(error).__name__)
    return problem(500, Broken("proxy.crash", "This is a fault of the proxy itself: please report it."))
