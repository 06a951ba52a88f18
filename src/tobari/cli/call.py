"""`tobari call`: one command or query, and where the log holds it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tobari.cli import options, texts
from tobari.cli.options import Json, KeyName, ReceiptFile, ServiceName
from tobari.cli.output import Output, shown
from tobari.cli.values import read_arguments

if TYPE_CHECKING:
    from tobari.base.errors import Unavailable
    from tobari.client.result import Result

app = options.application(texts.say("help.call"))


@app.command(
    help=texts.say("help.call")
    + """

    Values: integers, true, false, bytes as hex:…, otherwise text as it stands. `name:=JSON` says everything else, such
    as the text "5", lists and null.

    \b
    Example:
      tobari call currency transfer to=bob amount=5 --receipt transfer.tlog-proof
      tobari call currency balance --query
    """
)
def call(
    program: Annotated[str, typer.Argument(metavar="PROGRAM", help="Which program of the service.")],
    command: Annotated[str, typer.Argument(metavar="COMMAND", help="Which of its commands or queries.")],
    arguments: Annotated[
        list[str] | None, typer.Argument(metavar="NAME=VALUE", help="Arguments: name=value, or name:=JSON.")
    ] = None,
    query: Annotated[bool, typer.Option("--query", help="Ask, and leave no entry in the log.")] = False,
    receipt: ReceiptFile = None,
    service: ServiceName = None,
    key: KeyName = None,
    json: Json = False,
) -> None:
    if query and receipt is not None:
        raise typer.BadParameter("a query leaves no entry, so there is no receipt", param_hint="--receipt")
    values = read_arguments(arguments or [])
    _call(Output(json=json), program, command, values, query=query, receipt=receipt, service=service, key=key)


def _call(
    output: Output,
    program: str,
    command: str,
    values: dict[str, Any],
    *,
    query: bool,
    receipt: Path | None,
    service: str | None,
    key: str | None,
) -> None:
    from tobari.cli import failures
    from tobari.cli.connection import connected
    from tobari.cli.failures import Declined

    with connected(output, service, key) as session:
        result = session.send(session.sign(program, command, values))[0]
    if query and result.status != "ANSWERED":
        output.warn(texts.say("call.no_query"))
    known = document(result)
    unsaved = save(result, receipt, known)
    error = result.error or unsaved
    if error is not None:
        known |= failures.document(error)
    output.document(known)
    if result.value is not None:
        output.text(shown(result.value))
    show_place(output, known)
    if unsaved is not None and error is not unsaved:
        output.warn(str(unsaved))
    if error is not None:
        raise Declined(error)


def document(result: Result) -> dict[str, Any]:
    """What became of a command, as `--json` prints it; `receipt` is None if the log has nothing of it."""
    known: dict[str, Any] = {"id": result.id.hex(), "status": result.status, "value": result.value, "receipt": None}
    if result.receipt is not None:
        from tobari.client.receipts import origin_of_receipt
        from tobari.ledger.checkpoint import Checkpoint

        checkpoint = Checkpoint.parse(result.receipt.checkpoint.rpartition("\n\n")[0] + "\n")
        known["receipt"] = {
            "origin": origin_of_receipt(result.receipt),
            "index": result.receipt.index,
            "tree_size": checkpoint.tree_size,
            "cosigned": "uncosigned",
            "file": None,
        }
    return known


def save(result: Result, path: Path | None, known: dict[str, Any]) -> Unavailable | None:
    """Save the receipt, if it is wanted and there is one, and say so in what `document` made.

    What the log holds stays there, so a file that cannot be written is returned, not raised: the result is shown first.
    """
    from tobari.base.errors import Unavailable
    from tobari.client.receipts import save_receipt

    if path is None or result.receipt is None:
        return None
    try:
        save_receipt(path, result.receipt)
    except OSError as error:
        status, reason = result.status.lower(), error.strerror or type(error).__name__
        return Unavailable(
            "cli.receipt", f"Command {result.id.hex()} is {status}; the receipt was not saved in {path}: {reason}."
        )
    known["receipt"]["file"] = str(path)
    return None


def show_place(output: Output, known: dict[str, Any]) -> None:
    """Say where the log holds what `document` made a document of."""
    receipt = known["receipt"]
    if receipt is None:
        return
    summary = "call.committed" if known["status"] == "COMMITTED" else "call.invalid"
    output.text(
        texts.say(
            summary,
            index=receipt["index"],
            origin=receipt["origin"],
            size=receipt["tree_size"],
            cosigned=receipt["cosigned"],
        )
    )
    if receipt["file"] is not None:
        output.text(texts.say("call.receipt", path=receipt["file"]))
