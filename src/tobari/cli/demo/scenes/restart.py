"""The operator stops the service and starts it again: what was committed is there, and the log is the same one."""

from __future__ import annotations

import time

from tobari.cli.demo.cast import Cast, Release
from tobari.cli.demo.report import Report
from tobari.client.invite import Invite


def play(report: Report, cast: Cast, invite: Invite, release: Release) -> None:
    report.scene("restart")
    cast.leave()
    started = time.monotonic()
    code = cast.service.stop()
    report.check("restart.stopped", code == 0, code=code, seconds=time.monotonic() - started)
    before = _seen(cast, invite)
    cast.start_service()
    cast.analyst.join(invite, via=cast.tap.url)
    kept = cast.analyst.release(release.id)
    after = _seen(cast, invite)
    report.check("restart.history", after > before > 0, before=before, after=after)
    digest = release.kept["result_digest"]
    same = kept == release.kept and kept["result_digest"] == digest
    report.check("restart.release", same, digest=digest.hex()[:16])


def _seen(cast: Cast, invite: Invite) -> int:
    """Size of the last checkpoint that the analyst's profile has accepted."""
    seen = cast.analyst.profile.trust.load(invite.service, key=invite.key)
    return 0 if seen is None else seen.checkpoint.tree_size
