"""Who may speak to the proxy: programs of this user that know the token, and nothing that a web page can start.

1. Host names loopback and our port: a name that an attacker had resolve to 127.0.0.1 (DNS rebinding) does not.
2. There is no Origin, and no Sec-Fetch-Site of a page: browsers send them, other programs do not.
3. The bearer token is ours, compared in constant time.
4. A slot is free.
All of it before a byte of a body is read. There is no CORS: what a page asks for is refused, its preflight too.
"""

from __future__ import annotations

import hmac

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tobari.base.errors import Refused, TobariError, Unauthorized
from tobari.cli.proxy.limits import MAX_REQUESTS
from tobari.host.limits import Slots
from tobari.host.problems import problem

_NAMES = ("127.0.0.1", "localhost", "[::1]")
_HEADERS = [(b"x-content-type-options", b"nosniff"), (b"cross-origin-resource-policy", b"same-origin")]


class Gate:
    """The checks, and the end of every exception."""

    def __init__(self, app: ASGIApp, *, token: str, port: int) -> None:
        self._app = app
        self._authorization = b"Bearer " + token.encode()
        self._hosts = {f"{name}:{port}" for name in _NAMES}
        self._slots = Slots(MAX_REQUESTS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"].extend(_HEADERS)
            await send(message)

        request = Request(scope)
        try:
            self._check(request)
            with self._slots.one():
                await self._app(scope, receive, guarded)
        except TobariError as error:
            headers = {"www-authenticate": "Bearer"} if error.status == 401 else {}
            await problem(error.status, error, headers)(scope, receive, guarded)
        except Exception:  # noqa: BLE001
            # The application has logged its kind, and answered if nothing had been sent yet. Raising it further would
            # print its text, which may hold data; returning makes uvicorn close a connection that lacks its answer.
            return

    def _check(self, request: Request) -> None:
        # 1
        if len(hosts := request.headers.getlist("host")) != 1 or hosts[0] not in self._hosts:
            raise Refused("proxy.host", "Address the proxy as it printed it: by its loopback address and port.")
        # 2
        if "origin" in request.headers or request.headers.get("sec-fetch-site", "none") != "none":
            raise Refused("proxy.origin", "Web pages may not use the proxy; a program on this machine may.")
        # 3
        given = request.headers.getlist("authorization")
        if len(given) != 1 or not hmac.compare_digest(given[0].encode("latin-1"), self._authorization):
            raise Unauthorized("proxy.token", "Send the token that the proxy printed: Authorization: Bearer TOKEN.")
