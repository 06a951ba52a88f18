import pytest

from tobari.base.errors import Untrusted
from tobari.base.messages.objects import CHUNK
from tobari.crypto.chunks import ChunkKey

KEY = ChunkKey(b"k" * 32, dataset=b"d" * 16, object_index=0)


def test_a_chunk_opens_at_its_own_place():
    sealed = KEY.seal(b"rows", index=0, last=True)
    assert KEY.open(sealed, index=0, last=True) == b"rows"


@pytest.mark.parametrize(
    ("key", "index", "last"),
    [
        pytest.param(KEY, 1, True, id="swapped with the next chunk"),
        pytest.param(KEY, 0, False, id="continued after its end"),
        pytest.param(ChunkKey(b"k" * 32, dataset=b"d" * 16, object_index=1), 0, True, id="replayed in another object"),
        pytest.param(ChunkKey(b"k" * 32, dataset=b"e" * 16, object_index=0), 0, True, id="replayed in another dataset"),
        pytest.param(ChunkKey(b"j" * 32, dataset=b"d" * 16, object_index=0), 0, True, id="under another data key"),
    ],
)
def test_a_chunk_opens_nowhere_else(key, index, last):
    sealed = KEY.seal(b"rows", index=0, last=True)
    with pytest.raises(Untrusted) as refused:
        key.open(sealed, index=index, last=last)
    assert refused.value.code == "object.chunk"


def test_a_chunk_cut_off_before_the_end_is_noticed():
    first = KEY.seal(bytes(CHUNK), index=0, last=False)
    with pytest.raises(Untrusted):
        KEY.open(first, index=0, last=True)


def test_only_the_last_chunk_may_be_short():
    with pytest.raises(ValueError, match="full"):
        KEY.seal(b"short", index=0, last=False)
