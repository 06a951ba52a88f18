"""`PUT /v1/datasets`: a dataset under its owner's terms, sealed here and handed in (spec/data-terms.md).

The body is the data; the header field `Tobari-Terms` is the owner's terms file (TOML) in base64. The data lies in an
unnamed file in memory while it is sealed, so its size is bounded; `tobari dataset contribute` takes larger files.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tobari.base import wire
from tobari.base.errors import Malformed, TooLarge, Unauthorized
from tobari.cli.dataset.survey import format_of, survey
from tobari.cli.proxy.calls import sent
from tobari.cli.proxy.limits import HTTP, MAX_DATASET, MAX_DATASETS
from tobari.cli.proxy.submitted import Submitted
from tobari.client import objects
from tobari.client.objects import DataKey
from tobari.client.session import AsyncSession
from tobari.crypto.signing import SigningKey
from tobari.host.body import declared_size, pieces
from tobari.host.limits import Slots
from tobari.rules.query.terms import DataTerms, sign_terms
from tobari.rules.query.terms_file import from_toml

TERMS_HEADER = "tobari-terms"
_PIECE = 1 << 20


class Datasets:
    """Data in; what is answered names the dataset."""

    def __init__(self, session: AsyncSession, key: SigningKey | None, submitted: Submitted) -> None:
        self._session = session
        self._key = key
        self._submitted = submitted
        self._slots = Slots(MAX_DATASETS)

    def routes(self) -> list[Route]:
        return [Route("/v1/datasets", self.put, methods=["PUT"])]

    async def put(self, request: Request) -> Response:
        if self._key is None:
            raise Unauthorized("client.no_key", "This session has no signing key: connect with one to call.")
        data_key = DataKey.generate()
        terms = _terms(request, data_key)
        if (declared_size(request) or 0) > MAX_DATASET:
            raise _too_large()
        with self._slots.one(), _in_memory() as path:
            await _receive(request, path)
            file_format = format_of(path)
            if file_format == "csv":
                await asyncio.to_thread(survey, path, terms)
            sealed = await asyncio.to_thread(objects.seal, path, data_key, object_index=0)
            await self._session.upload(sealed)
        arguments = {
            "room": terms.room,
            "terms": sign_terms(terms, key=self._key),
            "objects": [wire.to_builtins(sealed.ref)],
            "format": file_format,
            "data_key": data_key.secret,
        }
        return await sent(self._session, self._submitted, self._session.sign("room", "contribute", arguments))


def _terms(request: Request, data_key: DataKey) -> DataTerms:
    try:
        text = base64.b64decode(request.headers.get(TERMS_HEADER, ""), validate=True).decode()
    except (ValueError, binascii.Error):
        text = ""
    if not text:
        raise Malformed("proxy.terms", "Send your terms file in the header field Tobari-Terms, in base64 on one line.")
    return from_toml(text, dataset=data_key.dataset)


@contextmanager
def _in_memory() -> Iterator[Path]:
    """The path of a file that is in memory alone and gone at the end of the block."""
    descriptor = os.memfd_create("dataset", os.MFD_CLOEXEC)
    try:
        yield Path(f"/proc/self/fd/{descriptor}")
    finally:
        os.close(descriptor)


async def _receive(request: Request, path: Path) -> None:
    size = 0
    with path.open("wb") as file:
        async for piece in pieces(request, size=_PIECE, seconds=HTTP.piece_seconds):
            size += len(piece)
            if size > MAX_DATASET:
                raise _too_large()
            file.write(piece)


def _too_large() -> TooLarge:
    return TooLarge(
        "proxy.too_large", f"Here a dataset may have at most {MAX_DATASET} bytes: use `tobari dataset contribute`."
    )
