"""One run of the proxy: appraise, listen, say where and with which token, serve until a signal.

The token and the signing key are in this process's memory and nowhere else. Nothing is served before the appraisal.
"""

from __future__ import annotations

import asyncio
import secrets
import socket

from tobari.base import wire
from tobari.cli import connection, texts
from tobari.cli.connection import Known
from tobari.cli.output import Output
from tobari.cli.proxy.interface import build_app
from tobari.cli.proxy.limits import HTTP
from tobari.client.session import AsyncSession
from tobari.evidence.result import EvidenceRefused
from tobari.host import logs
from tobari.host.http_server import Server, bind, stop_signals, url_of

TOKEN = 32
"""Random bytes of a token."""


def run(output: Output, service: str | None, key: str | None, *, address: str, port: int) -> None:
    """Serve until SIGTERM or SIGINT.

    Raises:
        TobariError: as `connection.known` and `AsyncSession.connect` say; Conflict `host.address`.
    """
    logs.configure("text")
    known = connection.known(service, key)
    with bind(address, port) as listener, asyncio.Runner() as runner:
        runner.run(_serve(output, known, listener))
    output.warn(texts.say("proxy.stopped"))


async def _serve(output: Output, known: Known, listener: socket.socket) -> None:
    try:
        session = await AsyncSession.connect(
            known.service.url,
            policy=known.service.appraisal_policy,
            key=known.key,
            trust=known.trust,
            service=known.service.service,
        )
    except EvidenceRefused as refused:
        connection.show_refusal(output, refused)
        raise
    async with session:
        connection.show_warnings(output, session.attestation.warnings)
        token = secrets.token_urlsafe(TOKEN)
        server = Server(build_app(session, known.key, token=token, port=listener.getsockname()[1]), HTTP)
        with stop_signals() as stopped:
            serving = asyncio.create_task(server.serve(sockets=[listener]))
            stop = asyncio.create_task(stopped.wait())
            _announce(output, session, url=url_of(listener), token=token)
            await asyncio.wait({serving, stop}, return_when=asyncio.FIRST_COMPLETED)
            stop.cancel()
            server.should_exit = True
            await serving


def _announce(output: Output, session: AsyncSession, *, url: str, token: str) -> None:
    output.document(
        {
            "url": url,
            "token": token,
            "service": session.attested.service.hex(),
            "warnings": wire.to_builtins(session.attestation.warnings),
        }
    )
    # These two lines are read by shells.
    output.text(f"TOBARI_PROXY={url}", f"TOBARI_TOKEN={token}")
    output.warn(texts.say("proxy.ready"))
