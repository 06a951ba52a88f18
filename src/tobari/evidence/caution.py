"""Cautions: what a relying party must be shown even though its policy accepts the evidence."""

from __future__ import annotations

from typing import Literal

from tobari.base.wire import Message


class Caution(Message, frozen=True, kw_only=True):
    """One line for people, in both languages of the house."""

    code: Literal["virtual", "debug"]
    en: str
    ja: str


VIRTUAL = Caution(
    code="virtual",
    en="Virtual platform: no hardware protection. It protects nothing from the root user of the machine.",
    ja="仮想プラットフォーム：ハードウェアによる保護はありません。マシンの root 権限を持つ者からは何も守れません。",
)
DEBUG = Caution(
    code="debug",
    en="Debug is on: whoever operates this machine can read the memory of the enclave.",
    ja="デバッグが有効です：このマシンの運用者はエンクレーブのメモリを読み取れます。",
)
