"""`POST /v1/{program}/{command}` and `POST /v1/batch`: commands and queries.

Both are POST. Whether a name is a query is known inside the enclave alone, so a GET would promise a harmlessness that
nobody here can keep.
"""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tobari.base.errors import Malformed, TobariError
from tobari.cli.proxy import answers
from tobari.cli.proxy.limits import HTTP, MAX_BODY
from tobari.cli.proxy.submitted import Submitted
from tobari.cli.proxy.values import read_object
from tobari.client.command import Call, SignedCommand
from tobari.client.session import AsyncSession
from tobari.host.body import read_body, require_type

ID_HEADER = "tobari-command-id"
_CALL = {"program", "command", "args"}


class Calls:
    """Commands in, results out."""

    def __init__(self, session: AsyncSession, submitted: Submitted) -> None:
        self._session = session
        self._submitted = submitted

    def routes(self) -> list[Route]:
        return [
            Route("/v1/batch", self.batch, methods=["POST"]),
            Route("/v1/{program}/{command}", self.call, methods=["POST"]),
        ]

    async def call(self, request: Request) -> Response:
        chosen = request.headers.get(ID_HEADER)
        command = self._session.sign(
            request.path_params["program"],
            request.path_params["command"],
            await _body(request),
            command_id=None if chosen is None else self._submitted.unused(chosen),
        )
        return await sent(self._session, self._submitted, command)

    async def batch(self, request: Request) -> Response:
        """202: they were sent. What became of each, its status tells."""
        commands = await self._session.submit_many(_calls(await _body(request)))
        for command in commands:
            self._submitted.add(command)
        return answers.json({"ids": [command.id.hex() for command in commands]}, 202)


async def sent(session: AsyncSession, submitted: Submitted, command: SignedCommand) -> Response:
    """Send a command, and answer with what came of it. Every answer names its id, so that it can be asked for."""
    submitted.add(command)
    try:
        (result,) = await session.send(command)
    except TobariError as error:
        return answers.refusal(error, {"id": command.id.hex(), "status": "UNKNOWN", "receipt": None})
    return answers.of_call(result)


async def _body(request: Request) -> dict[str, Any]:
    body = await read_body(request, max_bytes=MAX_BODY, seconds=HTTP.piece_seconds)
    if body:
        require_type(request, "application/json")
    return read_object(body)


def _calls(body: dict[str, Any]) -> list[Call]:
    wanted = body.get("commands")
    if set(body) != {"commands"} or not isinstance(wanted, list) or not wanted:
        raise _no_batch()
    calls = []
    for call in wanted:
        if not isinstance(call, dict) or not set(call) <= _CALL:
            raise _no_batch()
        program, command, args = call.get("program"), call.get("command"), call.get("args", {})
        if not isinstance(program, str) or not isinstance(command, str) or not isinstance(args, dict):
            raise _no_batch()
        calls.append(Call(program=program, command=command, args=args))
    return calls


def _no_batch() -> Malformed:
    return Malformed("proxy.batch", 'A batch is {"commands": [{"program": …, "command": …, "args": {…}}, …]}.')
