import pytest
from hypothesis import given
from hypothesis import strategies as st

from tobari.base import cbor
from tobari.base.errors import Malformed, TobariError, TooLarge

plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(min_value=-(2**63), max_value=2**64 - 1)
    | st.binary(max_size=40)
    | st.text(max_size=20)
    | st.floats(allow_nan=False),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@given(plain)
def test_what_was_encoded_decodes_to_the_same(value):
    assert cbor.decode(cbor.encode(value), max_bytes=1 << 16) == value


@given(st.binary(max_size=64))
def test_any_bytes_decode_or_are_refused(data):
    try:
        value = cbor.decode(data, max_bytes=64)
    except TobariError:
        return
    assert cbor.encode(value) == data


@pytest.mark.parametrize(
    ("data", "code"),
    [
        pytest.param("", "cbor.malformed", id="nothing"),
        pytest.param("0102", "cbor.not_canonical", id="a byte too many"),
        pytest.param("1801", "cbor.not_canonical", id="a longer spelling of 1"),
        pytest.param("5f4161ff", "cbor.malformed", id="indefinite length"),
        pytest.param("a2616201616102", "cbor.not_canonical", id="unsorted keys"),
        pytest.param("a2616101616102", "cbor.malformed", id="duplicate keys"),
        pytest.param("c074323032302d30312d30315430303a30303a30305a", "cbor.malformed", id="a date tag"),
        pytest.param("c24101", "cbor.malformed", id="a big integer"),
        pytest.param("d9010280", "cbor.malformed", id="a set"),
        pytest.param("d81c80", "cbor.malformed", id="a shared value"),
        pytest.param("81" * 30 + "00", "cbor.malformed", id="nested too deep"),
        pytest.param("9bffffffffffffffff", "cbor.malformed", id="an array longer than memory"),
        pytest.param("5b7fffffffffffffff", "cbor.malformed", id="a string longer than memory"),
        pytest.param("61ff", "cbor.malformed", id="text that is not UTF-8"),
        pytest.param("fb3ff0000000000000", "cbor.not_canonical", id="a float in more bytes than it needs"),
    ],
)
def test_refused_spellings(data, code):
    with pytest.raises(Malformed) as refused:
        cbor.decode(bytes.fromhex(data), max_bytes=1 << 16)
    assert refused.value.code == code


def test_every_tag_is_refused():
    for tag in [*range(24), *range(24, 330), 1004, 43000, 55799, 2**32, 2**63]:
        head = b"\xc0" if tag == 0 else cbor_head(6, tag)
        with pytest.raises(Malformed):
            cbor.decode(head + b"\x60", max_bytes=64)


def cbor_head(major: int, value: int) -> bytes:
    for size, info in ((0, None), (1, 24), (2, 25), (4, 26), (8, 27)):
        if size == 0 and value < 24:
            return bytes([major << 5 | value])
        if size and value < 1 << 8 * size:
            return bytes([major << 5 | info]) + value.to_bytes(size, "big")
    raise ValueError(value)


def test_the_limit_is_checked_before_decoding():
    with pytest.raises(TooLarge) as refused:
        cbor.decode(bytes(11), max_bytes=10)
    assert refused.value.code == "cbor.too_large"
