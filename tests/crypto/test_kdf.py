import pytest

from tobari.base.errors import Untrusted
from tobari.crypto.aead import AeadKey
from tobari.crypto.hpke import Kem, RecipientKey, RecipientPublicKey
from tobari.crypto.kdf import derive, labelled_hash
from tobari.crypto.labels import Label


def test_each_label_gives_another_key():
    keys = {derive(bytes(32), label=label) for label in Label}
    assert len(keys) == len(Label)


def test_concatenated_parts_do_not_hash_alike():
    assert labelled_hash(Label.CLAIMS, b"ab", b"c") != labelled_hash(Label.CLAIMS, b"a", b"bc")
    assert labelled_hash(Label.CLAIMS, b"a") != labelled_hash(Label.CLAIMS, b"a", b"")


def test_sealed_data_opens_with_its_nonce_and_associated_data_only():
    key = AeadKey(bytes(32))
    box = key.seal(nonce=bytes(12), plaintext=b"x", aad=b"here")
    assert key.open(nonce=bytes(12), sealed=box, aad=b"here") == b"x"
    for nonce, aad in ((bytes(11) + b"\1", b"here"), (bytes(12), b"there")):
        with pytest.raises(Untrusted):
            key.open(nonce=nonce, sealed=box, aad=aad)


@pytest.mark.parametrize("kem", Kem)
def test_a_key_is_the_same_from_its_seed(kem):
    key = RecipientKey.generate(kem)
    again = RecipientKey(kem, key.seed)
    assert again.public.raw == key.public.raw == RecipientPublicKey(kem, key.public.raw).raw
    assert key.seed.hex() not in repr(key)
