"""The root command: knows every command by name, imports the one that is asked for, gives every ending its exit code.

Commands end by returning (0), by `Declined` (their result is shown, and it is a refusal), by `BadInput`, or by any
error of the house. Nothing else reaches the user as a traceback.
"""

from __future__ import annotations

import importlib
import sys
import traceback
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NoReturn

import typer
from typer.core import TyperGroup

from tobari.base.errors import Broken, TobariError, Unavailable
from tobari.cli import failures, texts
from tobari.cli.failures import BadInput, Declined, Exit
from tobari.cli.output import Output, printable

if TYPE_CHECKING:
    from typer._click import Command, Context, HelpFormatter

COMMANDS = {
    "up": "tobari.cli.up",
    "demo": "tobari.cli.demonstration",
    "join": "tobari.cli.join",
    "call": "tobari.cli.call",
    "verify": "tobari.cli.verify",
    "doctor": "tobari.cli.doctor",
}
"""What most people need: each command's module, which holds a typer application `app`."""
AREAS = {name: f"tobari.cli.{name}" for name in ("dataset", "room", "keys", "proxy")}
"""The sub-applications."""

_EXTRAS = {"landlock": "node", "prometheus_client": "node", "pyseccomp": "node", "starlette": "node", "uvicorn": "node"}
_EXTRAS |= {"duckdb": "room", "numpy": "room", "pyarrow": "room", "sqlglot": "room"}


class Root(TyperGroup):
    """`tobari`."""

    def list_commands(self, ctx: Context) -> list[str]:  # noqa: ARG002  typer's signature
        return [*COMMANDS, *AREAS]

    def get_command(self, ctx: Context, cmd_name: str) -> Command | None:  # noqa: ARG002
        module = COMMANDS.get(cmd_name) or AREAS.get(cmd_name)
        if module is None:
            return None
        command = typer.main.get_command(importlib.import_module(module).app)
        command.name = cmd_name
        return command

    def format_commands(self, ctx: Context, formatter: HelpFormatter) -> None:  # noqa: ARG002
        for title, names in (("Commands", COMMANDS), ("More", AREAS)):
            with formatter.section(title):
                formatter.write_dl([(name, texts.say(f"help.{name}")) for name in names])

    def parse_args(self, ctx: Context, args: list[str]) -> list[str]:
        # What is not text in the terminal's encoding reaches Python as lone surrogates, which no format holds.
        if any(not _is_text(word) for word in args):
            raise typer.BadParameter("an argument is not text in UTF-8", ctx=ctx)
        return super().parse_args(ctx, args)

    def main(self, args: Sequence[str] | None = None, *rest: Any, **extra: Any) -> Any:
        words = list(sys.argv[1:] if args is None else args)
        self._output = Output(json="--json" in words)
        if not self._output.json:
            return super().main(words, *rest, **extra)
        # Usage errors, too, are one document then.
        try:
            sys.exit(super().main(words, *rest, **{**extra, "standalone_mode": False}) or Exit.GOOD)
        except typer.TyperException as error:
            usage = {"code": "cli.usage", "message": error.format_message(), "status": 400}
            self._output.document({"error": usage})
            print(printable(error.format_message()), file=sys.stderr)
            sys.exit(error.exit_code)

    def invoke(self, ctx: Context) -> Any:
        try:
            return super().invoke(ctx)
        except (typer.TyperException, typer.Abort, typer.Exit, BrokenPipeError):
            raise
        except KeyboardInterrupt:
            # Caught here, where it is still known whether a document is wanted.
            error = Unavailable("cli.interrupted", "Interrupted. What was sent already may have been carried out.")
            self._output.document(failures.document(error))
            _end(error, Exit.INTERRUPTED)
        except Declined as declined:
            _end(declined.error, declined.code)
        except Exception as error:  # noqa: BLE001  the text of a foreign error might hold data
            ours, code = _judge(error)
            self._output.document(failures.document(ours))
            _end(ours, code)


def _is_text(word: str) -> bool:
    try:
        word.encode()
    except UnicodeEncodeError:
        return False
    return True


def _judge(error: Exception) -> tuple[TobariError, Exit]:
    """What to say of an error that ended a command, and with which exit code."""
    match error:
        case BadInput():
            return error.error, Exit.INPUT
        case TobariError():
            return error, Exit.REFUSED
        case OSError():
            where = f" ({error.filename})" if error.filename else ""
            reason = error.strerror or type(error).__name__
            return Unavailable("cli.system", f"The system refused: {reason}{where}."), Exit.REFUSED
        case ImportError() if (error.name or "").partition(".")[0] in _EXTRAS:
            extra = _EXTRAS[(error.name or "").partition(".")[0]]
            hint = f"This needs the extra `{extra}`, which is not installed: pip install 'tobari[{extra}]'."
            return Unavailable("cli.extra", hint), Exit.REFUSED
    last = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{type(error).__name__} in {last.name}, line {last.lineno}"
    return Broken("cli.crash", f"This is a fault of the program itself ({where}): please report it."), Exit.REFUSED


def _end(error: TobariError, code: Exit) -> NoReturn:
    print(printable(str(error)), file=sys.stderr, flush=True)
    raise typer.Exit(code)
