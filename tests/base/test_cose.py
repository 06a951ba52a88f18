import pytest

from tobari.base import cbor, cose
from tobari.base.errors import Malformed

GOOD = [cose.protected_header(alg=cose.EDDSA, kid=b"k"), {}, b"payload", b"signature"]


def test_what_is_assembled_is_parsed():
    protected = cose.protected_header(alg=cose.EDDSA, kid=b"k")
    data = cose.assemble(protected=protected, payload=b"p", signature=b"s")
    assert cose.parse(data, max_bytes=100) == (protected, cose.EDDSA, b"k", b"p", b"s")


@pytest.mark.parametrize(
    "structure",
    [
        GOOD[:3],
        [*GOOD, b""],
        [GOOD[0], {1: -8}, GOOD[2], GOOD[3]],
        [GOOD[0], {}, None, GOOD[3]],
        [b"", {}, b"p", b"s"],
        [cbor.encode({1: -8}), {}, b"p", b"s"],
        [cbor.encode({1: -8, 4: b"k", 2: [1]}), {}, b"p", b"s"],
        [cbor.encode({1: "EdDSA", 4: b"k"}), {}, b"p", b"s"],
        [cbor.encode({True: -8, 4: b"k"}), {}, b"p", b"s"],
        [cbor.encode({1.0: -8, 4: b"k"}), {}, b"p", b"s"],
        {"not": "an array"},
    ],
    ids=[
        "no signature", "five parts", "unprotected header", "detached payload", "no header", "no kid",
        "critical header", "alg as text", "true for 1", "1.0 for 1", "a map",
    ],
)  # fmt: skip
def test_other_structures_are_refused(structure):
    with pytest.raises(Malformed):
        cose.parse(cbor.encode(structure), max_bytes=1000)


def test_the_signed_bytes_are_those_of_rfc_9052():
    got = cose.sig_structure(protected=b"\xa1\x01\x27", external_aad=b"", payload=b"x")
    assert got.hex() == "846a5369676e61747572653143a1012740" + "4178"
