"""Writes vectors/evidence/*.json: `python -m vectors.generate_evidence`. A test holds them current.

Every case has a name, what is given, and `expect`: "ok" or the error code with which it is refused. Bytes are hex, keys
come from fixed seeds, so the files are the same on every machine. What the formats mean is in spec/evidence.md and
spec/appraisal-policy.md.

appraisal.json   a bundle as CBOR, verified at `at` (milliseconds since 1970), appraised by `policy` and `nonce`
spellings.json   the bytes of a file, and the bundle it holds
policies.json    the text of a policy
"""

from __future__ import annotations

import base64
import dataclasses
import json
import pathlib
from datetime import UTC, datetime
from typing import Any, cast

import msgspec

from tests.tools.machines import CLAIMS, HONEST, NONCE, NOW, POLICY, ROOT, STRANGER, Machine
from tobari.base import cbor, wire
from tobari.crypto.labels import Label
from tobari.crypto.signing import sign1
from tobari.evidence.bundle import EvidenceBundle
from tobari.evidence.claims import claims_digest
from tobari.evidence.formats import virtual
from tobari.evidence.policy import AppraisalPolicy, Platforms, ReferenceValues, VirtualPolicy

FOLDER = pathlib.Path(__file__).resolve().parent / "evidence"
Case = dict[str, Any]
GOOD = HONEST.bundle()
TABLE = cast(VirtualPolicy, POLICY.platform.virtual)
CODE = TABLE.reference_values[0].measurements
changed = msgspec.structs.replace


def appraised(
    name: str,
    expect: str = "ok",
    bundle: EvidenceBundle | Machine = GOOD,
    *,
    policy: AppraisalPolicy = POLICY,
    nonce: bytes | None = NONCE,
    at: int = NOW,
) -> Case:
    data = (bundle.bundle() if isinstance(bundle, Machine) else bundle).encode()
    given = {"bundle": data.hex(), "policy": policy.to_toml(), "nonce": nonce and nonce.hex(), "at": at}
    return {"name": name, "expect": expect, **given}


def machine(**changes: Any) -> Machine:
    return dataclasses.replace(HONEST, **changes)


def claiming(**changes: Any) -> Machine:
    return machine(claims=changed(CLAIMS, **changes))


def table(**changes: Any) -> AppraisalPolicy:
    return changed(POLICY, platform=Platforms(virtual=changed(TABLE, **changes)))


def reference(*sets: tuple[dict[str, str], int | None]) -> AppraisalPolicy:
    """A policy with these sets of reference values, each with its last second since 1970 or without end."""
    return table(
        reference_values=[
            ReferenceValues(measurements=m, not_after=None if end is None else datetime.fromtimestamp(end, UTC))
            for m, end in sets
        ]
    )


def signed(payload: object) -> EvidenceBundle:
    """A report whose signature holds, over any payload."""
    return changed(GOOD, report=sign1(ROOT, cbor.encode(payload), label=Label.VIRTUAL_EVIDENCE))


def bound(claims: bytes) -> EvidenceBundle:
    """Any bytes as claims, bound by an honest report."""
    return changed(machine(report={"report_data": claims_digest(claims)}).bundle(), claims=claims)


def accepted() -> list[Case]:
    other = {"code": "77" * 32}
    open_policy = AppraisalPolicy(platform=Platforms(virtual=changed(TABLE, guards=[])))
    return [
        appraised("holds"),
        appraised("nothing-pinned-but-the-machine", policy=open_policy),
        appraised("kept-evidence-without-nonce", nonce=None),
        appraised("one-guard-more-than-required", policy=table(guards=["seccomp"])),
        appraised("second-set-matches", policy=reference((other, None), (CODE, None))),
        appraised("first-set-expired-second-not", policy=reference((CODE, NOW // 1000 - 1), (CODE, None))),
        appraised("last-moment-of-a-set", policy=reference((CODE, NOW // 1000))),
        appraised("later-epoch-listed", bundle=claiming(epoch=2), policy=changed(POLICY, epochs=[1, 2])),
        appraised("debug-allowed", bundle=machine(debug=True), policy=table(unsafe_allow_debug=True)),
        appraised("as-old-as-allowed", at=HONEST.issued_at + 600_000),
        appraised("clock-ahead-by-two-minutes", at=HONEST.issued_at - 120_000),
    ]


def not_authentic() -> list[Case]:
    fields = wire.to_builtins(virtual.parse(cbor.decode(GOOD.report, max_bytes=1 << 14)[2]))
    incomplete = {key: value for key, value in fields.items() if key != "debug"}
    root, stranger = ROOT.public.raw, STRANGER.public.raw
    command = sign1(ROOT, cbor.encode(fields), label=Label.COMMAND)
    return [
        appraised("unknown-platform", "evidence.platform_unknown", changed(GOOD, platform="virtuel")),
        appraised("no-root", "evidence.endorsements", changed(GOOD, endorsements={})),
        appraised("root-by-another-name", "evidence.endorsements", changed(GOOD, endorsements={"soot": root})),
        appraised("two-roots", "evidence.endorsements", changed(GOOD, endorsements={"root": root, "soot": root})),
        appraised("root-of-33-bytes", "evidence.endorsements", changed(GOOD, endorsements={"root": root + b"\0"})),
        appraised("root-swapped", "evidence.signature", changed(GOOD, endorsements={"root": stranger})),
        appraised("signed-as-a-command", "evidence.signature", changed(GOOD, report=command)),
        appraised("signature-cut", "evidence.report", changed(GOOD, report=GOOD.report[:-1])),
        appraised("report-empty", "evidence.report", changed(GOOD, report=b"")),
        appraised("report-too-large", "evidence.report", changed(GOOD, report=bytes(virtual.MAX_REPORT + 1))),
        appraised("payload-with-an-unknown-field", "evidence.report", signed({**fields, "trusted": True})),
        appraised("payload-without-debug", "evidence.report", signed(incomplete)),
        appraised("measurement-of-48-bytes", "evidence.report", signed({**fields, "measurement": bytes(48)})),
        appraised("issued-before-1970", "evidence.report", signed({**fields, "issued_at": -1})),
    ]


def refused() -> list[Case]:
    swapped = changed(CLAIMS, kems=[changed(CLAIMS.kems[0], key=b"\x0b" + bytes(31))])
    nothing = changed(POLICY, platform=Platforms())
    another = claiming(service=b"\x0c" * 32).bundle()
    return [
        appraised("platform-not-in-the-policy", "evidence.platform_refused", policy=nothing),
        appraised("virtual-without-the-unsafe-flag", "evidence.virtual", policy=table(unsafe_allow_virtual=False)),
        appraised("wrong-root", "evidence.root", machine(root=STRANGER)),
        appraised("debug", "evidence.debug", machine(debug=True)),
        appraised("wrong-measurement", "evidence.measurement", machine(code=b"\x07" * 32)),
        appraised(
            "half-of-a-set-matches",
            "evidence.measurement",
            policy=reference(({**CODE, "kernel": "88" * 32}, None)),
        ),
        appraised("reference-value-expired", "evidence.measurement_expired", policy=reference((CODE, NOW // 1000 - 1))),
        appraised("keys-swapped", "evidence.report_data", changed(GOOD, claims=swapped.encode())),
        appraised("claims-of-another-service", "evidence.report_data", changed(GOOD, claims=another.claims)),
        appraised("no-claims", "evidence.report_data", changed(GOOD, claims=b"")),
        appraised("claims-cut", "evidence.report_data", changed(GOOD, claims=GOOD.claims[:-1])),
        appraised("claims-bound-but-unreadable", "evidence.claims", bound(cbor.encode({"service": CLAIMS.service}))),
        appraised("guard-missing", "evidence.guards", claiming(guards=["landlock"])),
        appraised("guard-claimed-that-the-report-denies", "evidence.guards", machine(report={"guards": ["landlock"]})),
        appraised("another-service", "evidence.service", another),
        appraised("epoch-not-accepted", "evidence.epoch", claiming(epoch=2)),
        appraised("program-differs", "evidence.programs", claiming(programs={**CLAIMS.programs, "room": bytes(32)})),
        appraised("program-more", "evidence.programs", claiming(programs={**CLAIMS.programs, "spy": bytes(32)})),
        appraised("program-less", "evidence.programs", claiming(programs={"room": CLAIMS.programs["room"]})),
        appraised("another-configuration", "evidence.configuration", claiming(configuration=b"\x0d" * 32)),
        appraised("stale-nonce", "evidence.stale_nonce", nonce=b"m" * 32),
        appraised("too-old", "evidence.age", at=HONEST.issued_at + 600_001),
        appraised("from-the-future", "evidence.age", at=HONEST.issued_at - 120_001),
        appraised("kept-evidence-too-old", "evidence.age", nonce=None, at=HONEST.issued_at + 600_001),
    ]


def appraisal() -> list[Case]:
    return [*accepted(), *not_authentic(), *refused()]


def spellings() -> list[Case]:
    raw, as_json = GOOD.encode(), wire.to_json(GOOD)
    plain, safe = base64.b64encode(raw), base64.urlsafe_b64encode(raw)

    def one(name: str, data: bytes, expect: str = "ok") -> Case:
        return {"name": name, "expect": expect, "file": data.hex(), "bundle": raw.hex()}

    unrecognised = "evidence.unrecognised"
    return [
        one("cbor", raw),
        one("hex", raw.hex().encode()),
        one("hex-in-capitals-and-lines", raw.hex("\n", 32).upper().encode() + b"\n"),
        one("base64", plain),
        one("base64-in-lines", base64.encodebytes(raw)),
        one("base64url-without-padding", safe.rstrip(b"=")),
        one("json", as_json),
        one("json-indented", json.dumps(json.loads(as_json), indent=1).encode()),
        one("empty", b"", unrecognised),
        one("text", b"evidence", unrecognised),
        one("cbor-cut", raw[:-1], unrecognised),
        one("cbor-with-one-byte-more", raw + b"\0", unrecognised),
        one("hex-cut", raw.hex().encode()[:-1], unrecognised),
        one("hex-of-hex", raw.hex().encode().hex().encode(), unrecognised),
        one("base64-cut", plain.rstrip(b"=")[:-3], unrecognised),
        one("json-with-an-unknown-field", as_json[:-1] + b',"more":1}', unrecognised),
        one("cbor-of-something-else", cbor.encode({"platform": "virtual"}), unrecognised),
        one("report-alone", GOOD.report, unrecognised),
    ]


def policies() -> list[Case]:
    good = POLICY.to_toml()
    expiring = reference((CODE, NOW // 1000)).to_toml()

    def one(name: str, text: str, expect: str = "policy.malformed") -> Case:
        return {"name": name, "expect": expect, "policy": text}

    def with_line(line: str) -> str:
        return good.replace("[programs]", f"{line}\n\n[programs]", 1)

    return [
        one("canonical", good, "ok"),
        one("with-an-expiry", expiring, "ok"),
        one("accepts-no-platform", "[platform]\n", "ok"),
        one("empty", ""),
        one("not-toml", "service = "),
        one("unknown-key", with_line("nonce_optional = true")),
        one("unknown-key-of-a-platform", good.replace("unsafe_allow_debug", "allow_debug")),
        one("unknown-platform", good.replace("platform.virtual", "platform.toaster")),
        one("no-roots", good.replace(f'"{TABLE.roots[0]}"', "")),
        one("root-of-31-bytes", good.replace(TABLE.roots[0], TABLE.roots[0][2:])),
        one("root-in-capitals", good.replace(TABLE.roots[0], TABLE.roots[0].upper())),
        one("no-reference-values", good.partition("\n[[")[0]),
        one("expiry-without-an-offset", expiring.replace("00Z", "00")),
        one("flag-as-text", good.replace("unsafe_allow_virtual = true", 'unsafe_allow_virtual = "true"')),
        one("epochs-empty", good.replace("epochs = [1]", "epochs = []")),
        one("epoch-negative", good.replace("epochs = [1]", "epochs = [-1]")),
        one("age-zero", good.replace("= 600", "= 0")),
        one("configuration-of-31-bytes", good.replace(CLAIMS.configuration.hex(), CLAIMS.configuration.hex()[2:])),
        one("guard-with-a-space", good.replace('"seccomp"', '"sec comp"')),
        one("key-twice", with_line("epochs = [1]")),
    ]


def build() -> dict[str, str]:
    """File name and text of each file."""
    kinds = (appraisal, spellings, policies)
    return {f"{kind.__name__}.json": json.dumps(kind(), indent=1, ensure_ascii=False) + "\n" for kind in kinds}


if __name__ == "__main__":
    for name, content in build().items():
        (FOLDER / name).write_text(content, encoding="utf-8")
