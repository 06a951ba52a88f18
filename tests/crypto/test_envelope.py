import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tobari.base.errors import Malformed, TobariError, TooLarge, Untrusted
from tobari.crypto import padding
from tobari.crypto.envelope import key_id, open_request, seal_request
from tobari.crypto.hpke import Kem, RecipientKey
from tobari.crypto.labels import Label

KEYS = {kem: RecipientKey(kem, bytes(range(kem.seed_length))) for kem in Kem}
BY_ID = {key_id(key.public): key for key in KEYS.values()}
SERVICE = bytes(32)


def sealed(commands=(b"one", b"two"), *, kem=Kem.X25519, epoch=3):
    return seal_request(KEYS[kem].public, service_id=SERVICE, epoch=epoch, commands=list(commands))


@pytest.mark.parametrize("kem", Kem)
def test_a_request_and_its_response(kem):
    request, reply = sealed(kem=kem)
    opened = open_request(BY_ID, request, service_id=SERVICE, epoch=3)
    assert opened.commands == [b"one", b"two"]
    assert reply.open(opened.reply.seal(b"answer")) == b"answer"


def test_a_replayed_request_gets_its_response_under_another_key():
    request, reply = sealed()
    first = open_request(BY_ID, request, service_id=SERVICE, epoch=3).reply.seal(b"same")
    second = open_request(BY_ID, request, service_id=SERVICE, epoch=3).reply.seal(b"same")
    assert first[32:] != second[32:]
    assert reply.open(first) == reply.open(second) == b"same"


def test_a_response_to_another_request_does_not_open():
    _, reply = sealed()
    request, _ = sealed()
    foreign = open_request(BY_ID, request, service_id=SERVICE, epoch=3).reply.seal(b"answer")
    with pytest.raises(Untrusted) as refused:
        reply.open(foreign)
    assert refused.value.code == "response.open"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda r: r[:12], "envelope.malformed"),
        (lambda r: r[:13], "envelope.malformed"),
        (lambda r: r[:-1], "hpke.open"),
        (lambda r: r[:40], "hpke.open"),
        (lambda r: b"\x02" + r[1:], "envelope.malformed"),
        (lambda r: r[:1] + b"\0\0\0\x04" + r[5:], "envelope.epoch"),
        (lambda r: r[:5] + bytes(8) + r[13:], "envelope.epoch"),
        (lambda r: r + bytes(1 << 20), "envelope.too_large"),
    ],
    ids=["header cut", "no body", "last byte cut", "body cut", "version", "epoch", "key id", "oversized"],
)
def test_an_altered_request_is_refused(change, code):
    request, _ = sealed()
    with pytest.raises(TobariError) as refused:
        open_request(BY_ID, change(request), service_id=SERVICE, epoch=3)
    assert refused.value.code == code


def test_a_request_for_another_service_or_epoch_does_not_open():
    request, _ = sealed()
    with pytest.raises(Untrusted) as refused:
        open_request(BY_ID, request, service_id=b"\1" * 32, epoch=3)
    assert refused.value.code == "hpke.open"
    with pytest.raises(Untrusted) as refused:
        open_request(BY_ID, request, service_id=SERVICE, epoch=4)
    assert refused.value.code == "envelope.epoch"


def test_one_bit_changed_anywhere_is_refused():
    request, _ = sealed([b"x"])
    for place in range(len(request)):
        changed = bytearray(request)
        changed[place] ^= 1
        with pytest.raises(TobariError):
            open_request(BY_ID, bytes(changed), service_id=SERVICE, epoch=3)


def test_too_many_commands_or_none():
    for count in (0, 257):
        with pytest.raises(TooLarge):
            sealed([b""] * count)


@settings(max_examples=60, deadline=None)
@given(st.integers(min_value=0, max_value=200_000))
def test_the_length_tells_the_size_class_only(length):
    padded = padding.pad(bytes(length))
    assert len(padded) == padding.size_class(length)
    assert padding.unpad(padded) == bytes(length)
    assert len(padded) <= max(512, 2 * (length + 4))


@pytest.mark.parametrize(
    "padded",
    [b"", bytes(511), bytes(513), b"\0\0\0\x01a" + bytes(506) + b"\1", b"\xff\xff\xff\xff" + bytes(508)],
    ids=["empty", "short", "long", "a bit in the padding", "length beyond"],
)
def test_other_padding_is_refused(padded):
    with pytest.raises(Malformed) as refused:
        padding.unpad(padded)
    assert refused.value.code == "envelope.padding"


def test_a_body_beyond_the_largest_class_is_refused():
    with pytest.raises(TooLarge):
        padding.pad(bytes(padding.MAX_BODY + 1))


def test_labels_are_distinct_and_none_is_the_beginning_of_another():
    values = [label.value for label in Label]
    assert len(set(values)) == len(values)
    # A label is followed by a zero byte or preceded by its length, so a common beginning would do no harm; still:
    assert all(b"\0" not in value for value in values)


@pytest.mark.parametrize("label", [label for label in Label if label is not Label.REQUEST])
def test_what_is_sealed_under_one_label_opens_under_no_other(label):
    key = KEYS[Kem.X25519]
    box = key.public.seal(b"x", label=Label.REQUEST, context=b"")
    with pytest.raises(Untrusted):
        key.open(box, label=label, context=b"")
