"""`tobari up`: a host and its enclave, until a signal stops them (docs/howto/run-a-node.md).

It says that it is ready only after it has fetched its own evidence and appraised it as a client would; the invite is
made from that evidence.
"""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from tobari.base import wire
from tobari.base.errors import TobariError, Unavailable
from tobari.cli import failures, files, options, texts
from tobari.cli.options import Json
from tobari.cli.output import Output

if TYPE_CHECKING:
    from tobari.host.serve import Serving

app = options.application(texts.say("help.up"))


@app.command(
    help=texts.say("help.up")
    + """

    The genesis file says who the members are and what runs (spec/genesis.md). On the platform `virtual` nothing is
    protected from root on this machine.

    \b
    Example:
      tobari up --genesis genesis.toml --data ./node --port 8420
    """
)
def up(
    genesis: Annotated[
        Path | None, typer.Option("--genesis", metavar="FILE", help="Genesis file (TOML) of the consortium.")
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option("--data", metavar="DIR", help="Log and objects. Default: data in the state directory."),
    ] = None,
    address: Annotated[str, typer.Option(metavar="IP", help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes a free one.")] = 8420,
    platform: Annotated[Literal["virtual"], typer.Option(help="What the enclave runs on.")] = "virtual",  # noqa: ARG001
    virtual_root: Annotated[
        Path | None,
        typer.Option("--virtual-root", metavar="FILE", help="Root of the virtual platform; made if absent."),
    ] = None,
    url: Annotated[
        str | None,
        typer.Option(
            "--url",
            metavar="URL",
            parser=options.address,
            help="Address that the invite names. Default: the one listened on.",
        ),
    ] = None,
    metrics_port: Annotated[
        int | None,
        typer.Option(
            "--metrics-port",
            min=0,
            max=65535,
            help="Serve /metrics (Prometheus) on 127.0.0.1 at this port; without it there are none.",
        ),
    ] = None,
    log_format: Annotated[
        Literal["text", "json"], typer.Option("--log-format", help="Of the log on stderr: faults as text, or events.")
    ] = "text",
    json: Json = False,
) -> None:
    if genesis is None:
        raise typer.BadParameter(
            "a service is founded from a genesis file: make a key with `tobari keys new NAME`, then write the file as "
            "docs/howto/run-a-node.md shows",
            param_hint="--genesis",
        )
    _run(
        Output(json=json),
        genesis,
        data=data,
        address=address,
        port=port,
        virtual_root=virtual_root,
        url=url,
        metrics_port=metrics_port,
        log_format=log_format,
    )


def _run(
    output: Output,
    genesis: Path,
    *,
    data: Path | None,
    address: str,
    port: int,
    virtual_root: Path | None,
    url: str | None,
    metrics_port: int | None,
    log_format: Literal["text", "json"],
) -> None:
    from tobari.base.messages.genesis import MAX_GENESIS, from_toml
    from tobari.cli.virtual_root import ensure_root, state_directory
    from tobari.host import logs
    from tobari.host.config import HostConfig
    from tobari.host.serve import serve

    with failures.local_input():
        founding = from_toml(files.read_text(genesis, limit=MAX_GENESIS)).encode()
    data = data or state_directory() / "data"
    virtual_root = virtual_root or state_directory() / "virtual-root"
    ensure_root(virtual_root, data=data)
    logs.configure(log_format)
    announcement = _Announcement(output, url)
    config = HostConfig(
        data=data,
        genesis=founding,
        virtual_root_path=virtual_root,
        address=address,
        port=port,
        metrics_port=metrics_port,
    )
    code = serve(config, announcement.start)
    announcement.finish()
    if code != 0:
        raise Unavailable("cli.service_ended", "The service ended by itself; the lines above say why.")
    output.warn(texts.say("up.stopped"))


class _Announcement:
    """Fetches, appraises and prints, in a thread of its own while the host serves."""

    def __init__(self, output: Output, url: str | None) -> None:
        self._output = output
        self._url = url
        self._thread: threading.Thread | None = None
        self._error: TobariError | None = None

    def start(self, serving: Serving) -> None:
        self._thread = threading.Thread(target=self._announce, args=(serving,), daemon=True)
        self._thread.start()

    def finish(self) -> None:
        """The service has stopped.

        Raises:
            TobariError: why it was stopped, if its own evidence did not hold.
        """
        if self._thread is not None:
            self._thread.join(timeout=10)
        if self._error is not None:
            raise self._error

    def _print(self, serving: Serving) -> None:
        from tobari.cli.own_invite import make_invite

        appraised = make_invite(serving.url, known_as=self._url or serving.url)
        self._output.warn(*(line for warning in appraised.warnings for line in texts.in_both(warning)))
        self._output.document(
            {
                "url": appraised.invite.url,
                "service": appraised.invite.service.hex(),
                "configuration": appraised.invite.policy.configuration,
                "origin": serving.origin,
                "vkey": serving.vkey,
                "tree_size": serving.tree_size,
                "metrics": serving.metrics_url,
                "invite": appraised.invite.encode(),
                "warnings": wire.to_builtins(appraised.warnings),
            }
        )
        self._output.text(
            texts.say("up.ready", url=serving.url),
            texts.say("up.service", service=appraised.invite.service.hex()),
            texts.say("up.configuration", configuration=appraised.invite.policy.configuration),
            texts.say("up.invite"),
            appraised.invite.encode(),
            texts.say("up.pass_on"),
            texts.say("up.stop"),
        )

    def _announce(self, serving: Serving) -> None:
        try:
            self._print(serving)
        except TobariError as error:
            self._error = error
            os.kill(os.getpid(), signal.SIGTERM)
