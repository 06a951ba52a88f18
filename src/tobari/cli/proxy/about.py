"""`GET /v1/attestation` and `GET /v1/receipts/{id}`: why the service is trusted, and proof of what it did."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tobari.base import wire
from tobari.base.errors import NotFound
from tobari.cli.output import hexed
from tobari.cli.proxy import answers
from tobari.cli.proxy.submitted import Submitted
from tobari.client.session import AsyncSession


class About:
    """The appraisal that is in force, and receipts as files."""

    def __init__(self, session: AsyncSession, submitted: Submitted) -> None:
        self._session = session
        self._submitted = submitted

    def routes(self) -> list[Route]:
        return [
            Route("/v1/attestation", self.attestation, methods=["GET"]),
            Route("/v1/receipts/{id}", self.receipt, methods=["GET"]),
        ]

    async def attestation(self, _: Request) -> Response:
        attested = self._session.attested
        result = attested.result
        return answers.json(
            {
                "verdict": result.verdict,
                "warnings": wire.to_builtins(result.warnings),
                "service": attested.service.hex(),
                "origin": attested.key.name,
                "vkey": attested.key.vkey,
                "epoch": attested.epoch,
                "platform": result.platform,
                "measurement": result.measurement,
                "steps": hexed(wire.to_builtins(result.steps)),
            }
        )

    async def receipt(self, request: Request) -> Response:
        """A tlog-proof, as `tobari verify receipt` reads it; made anew from what the log holds now."""
        result = await self._session.status(self._submitted.find(request.path_params["id"]))
        if result.receipt is None:
            raise NotFound("proxy.no_receipt", "The log has no entry of this command that the service still knows of.")
        return Response(result.receipt.encode(), 200, {"cache-control": "no-store"}, "text/plain; charset=utf-8")
