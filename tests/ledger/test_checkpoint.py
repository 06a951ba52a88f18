from __future__ import annotations

import pytest

from tobari.base.errors import Malformed, Untrusted
from tobari.crypto.signing import SigningKey
from tobari.ledger.checkpoint import Checkpoint, open_checkpoint
from tobari.ledger.note import NoteKey, sign_note
from tobari.ledger.path import EMPTY_ROOT

SIGNING_KEY = SigningKey.from_seed(b"c" * 32)
KEY = NoteKey(name="log.example/one", key=SIGNING_KEY.public)
CHECKPOINT = Checkpoint(origin=KEY.name, tree_size=7, root_hash=bytes(range(32)))
ROOT = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="


def test_three_lines() -> None:
    assert CHECKPOINT.text == f"log.example/one\n7\n{ROOT}\n"
    assert open_checkpoint(CHECKPOINT.sign(SIGNING_KEY), KEY) == CHECKPOINT


def test_an_empty_log() -> None:
    empty = Checkpoint(origin=KEY.name, tree_size=0, root_hash=EMPTY_ROOT)
    assert open_checkpoint(empty.sign(SIGNING_KEY), KEY) == empty


def test_extension_lines_are_read_over() -> None:
    note = sign_note(CHECKPOINT.text + "an extension\nanother\n", KEY.name, SIGNING_KEY)
    assert open_checkpoint(note, KEY) == CHECKPOINT


def test_another_logs_checkpoint_under_this_key() -> None:
    note = sign_note(CHECKPOINT.text.replace("one", "two"), KEY.name, SIGNING_KEY)
    with pytest.raises(Untrusted) as caught:
        open_checkpoint(note, KEY)
    assert caught.value.code == "checkpoint.origin"


@pytest.mark.parametrize(
    "text",
    [
        f"o\n7\n{ROOT}",
        f"o\n7\n\n{ROOT}\n",
        "o\n7\n",
        f"\n7\n{ROOT}\n",
        f"o\n07\n{ROOT}\n",
        f"o\n+7\n{ROOT}\n",
        f"o\n-7\n{ROOT}\n",
        f"o\n\u0667\n{ROOT}\n",
        f"o\n7 \n{ROOT}\n",
        f"o\n0x7\n{ROOT}\n",
        f"o\n{1 << 63}\n{ROOT}\n",
        f"o\n{'9' * 5000}\n{ROOT}\n",
        f"o\n7\n{ROOT[:-1]}\n",
        f"o\n7\n{ROOT[:-2]}9=\n",
        "o\n7\nAAEC\n",
        f"o\n7\n{ROOT}\n\nextension\n",
        f"o\n0\n{ROOT}\n",
    ],
)
def test_malformed(text: str) -> None:
    with pytest.raises(Malformed) as caught:
        Checkpoint.parse(text)
    assert caught.value.code == "checkpoint.malformed"
