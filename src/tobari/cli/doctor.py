"""`tobari doctor`: looks at this machine and this profile, and says what to do about what it finds."""

from __future__ import annotations

from typing import Any

from tobari.base import wire
from tobari.cli import options, texts
from tobari.cli.options import Json
from tobari.cli.output import Output

app = options.application(texts.say("help.doctor"))


@app.command(
    help=texts.say("help.doctor")
    + """

    Each line is ok, warn or fail. A known service that does not answer is a warning; one whose evidence is refused is
    a failure. It ends with exit code 1 if a line fails.

    \b
    Example:
      tobari doctor --json
    """
)
def doctor(json: Json = False) -> None:
    from tobari.base.errors import Conflict
    from tobari.cli.failures import Declined
    from tobari.cli.failures import document as error_document
    from tobari.cli.findings import Finding
    from tobari.cli.machine import examine as examine_machine
    from tobari.cli.profile_checks import examine as examine_profile

    output = Output(json=json)
    found: list[Finding] = [*examine_machine(), *examine_profile()]
    count = {verdict: sum(finding.verdict == verdict for finding in found) for verdict in ("warn", "fail")}
    document: dict[str, Any] = {"checks": wire.to_builtins(found), "warnings": count["warn"], "failures": count["fail"]}
    error = Conflict("cli.doctor", "Something here will not work; the lines that fail say what to do.")
    if count["fail"]:
        document |= error_document(error)
    output.document(document)
    output.table(
        ("check", "", "found", "what to do"),
        [(finding.name, finding.verdict, finding.found, finding.advice) for finding in found],
    )
    if count["fail"]:
        output.text(texts.say("doctor.fail", failures=count["fail"]))
        raise Declined(error)
    output.text(texts.say("doctor.warn", warnings=count["warn"]) if count["warn"] else texts.say("doctor.good"))
