import pytest
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tobari.base import cose
from tobari.base.errors import Malformed, Unauthorized
from tobari.crypto.labels import Label
from tobari.crypto.signing import SigningKey, VerifyingKey, sign1, signer1, verify1

KEY = SigningKey.from_seed(bytes(range(32)))


def test_a_signature_holds_under_its_key_and_label():
    data = sign1(KEY, b"payload", label=Label.COMMAND)
    assert signer1(data, max_bytes=1000) == KEY.public.thumbprint
    assert verify1(data, KEY.public, label=Label.COMMAND, max_bytes=1000) == b"payload"


@pytest.mark.parametrize("label", [label for label in Label if label is not Label.COMMAND])
def test_a_signature_is_void_under_every_other_label(label):
    data = sign1(KEY, b"payload", label=Label.COMMAND)
    with pytest.raises(Unauthorized) as refused:
        verify1(data, KEY.public, label=label, max_bytes=1000)
    assert refused.value.code == "signature.invalid"


def test_a_signature_of_another_key_is_refused():
    data = sign1(SigningKey.generate(), b"payload", label=Label.COMMAND)
    with pytest.raises(Unauthorized) as refused:
        verify1(data, KEY.public, label=Label.COMMAND, max_bytes=1000)
    assert refused.value.code == "signature.foreign_key"


def test_one_bit_changed_anywhere_is_refused():
    data = sign1(KEY, b"payload", label=Label.COMMAND)
    for place in range(len(data)):
        for bit in (0, 7):
            changed = bytearray(data)
            changed[place] ^= 1 << bit
            with pytest.raises((Unauthorized, Malformed)):
                verify1(bytes(changed), KEY.public, label=Label.COMMAND, max_bytes=1000)


def test_es256_as_browsers_and_cards_sign_it():
    private = ec.generate_private_key(ec.SECP256R1())
    public = VerifyingKey(private.public_key().public_bytes(Encoding.X962, PublicFormat.CompressedPoint))
    protected = cose.protected_header(alg=cose.ES256, kid=public.thumbprint)
    structure = cose.sig_structure(protected=protected, external_aad=Label.COMMAND.value, payload=b"x")
    r, s = utils.decode_dss_signature(private.sign(structure, ec.ECDSA(SHA256())))
    raw = r.to_bytes(32, "big") + s.to_bytes(32, "big")
    data = cose.assemble(protected=protected, payload=b"x", signature=raw)
    assert verify1(data, public, label=Label.COMMAND, max_bytes=1000) == b"x"
    wrong = cose.assemble(protected=protected, payload=b"y", signature=raw)
    with pytest.raises(Unauthorized):
        verify1(wrong, public, label=Label.COMMAND, max_bytes=1000)


def test_a_signature_cannot_name_another_algorithm():
    protected = cose.protected_header(alg=cose.ES256, kid=KEY.public.thumbprint)
    structure = cose.sig_structure(protected=protected, external_aad=Label.COMMAND.value, payload=b"x")
    data = cose.assemble(protected=protected, payload=b"x", signature=KEY.sign(structure))
    with pytest.raises(Unauthorized) as refused:
        verify1(data, KEY.public, label=Label.COMMAND, max_bytes=1000)
    assert refused.value.code == "signature.algorithm"


@pytest.mark.parametrize("raw", [b"", bytes(31), b"\x02" + b"\xff" * 32, b"\x04" + bytes(64)], ids=len)
def test_what_is_no_key_is_refused(raw):
    with pytest.raises(Malformed) as refused:
        VerifyingKey(raw)
    assert refused.value.code == "key.malformed"


def test_no_repr_shows_a_secret():
    assert KEY.seed.hex() not in repr(KEY)
