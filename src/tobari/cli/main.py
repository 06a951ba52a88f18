"""The entry point of the `tobari` command (docs/reference/cli.md).

It imports next to nothing before it is ready for Ctrl-C: one that comes while the rest is imported shows no traceback.
"""

from __future__ import annotations

import contextlib
import io
import json
import sys


def main() -> None:
    """The entry point."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal that lacks a character gets its number instead of ending the program.
        with contextlib.suppress(io.UnsupportedOperation):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="backslashreplace")
    try:
        from tobari.cli.application import app

        app(prog_name="tobari")
    except KeyboardInterrupt:
        _interrupted()


def _interrupted() -> None:
    """Interrupted before there was a root that could say so (`tobari.cli.root`): nothing was sent."""
    if "--json" in sys.argv[1:]:
        print(json.dumps({"error": {"code": "cli.interrupted", "message": "Interrupted.", "status": 503}}, indent=2))
    print("Interrupted. [cli.interrupted]", file=sys.stderr)
    sys.exit(130)  # `failures.Exit.INTERRUPTED`, which is not imported yet


if __name__ == "__main__":
    main()
