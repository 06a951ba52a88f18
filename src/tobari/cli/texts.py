"""What the command line says in two languages: help of the commands, and the lines that sum up what it did.

English is complete. Japanese (TOBARI_LANG=ja, or a LANG that begins with ja) covers the lines of this catalogue; error
messages and options stay English, as their codes and names do. The warnings about a platform carry both languages
themselves (`tobari.evidence.caution`).
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from tobari.evidence.caution import Caution

Language = Literal["en", "ja"]

_CATALOGUE: dict[str, tuple[str, str]] = {
    "tobari": (
        "Compute together on data that none of the parties may show.",
        "誰にも見せられないデータのまま、組織どうしで一緒に計算します。",
    ),
    "help.up": (
        "Start a service: the host, and the enclave that it relays to.",
        "サービスを起動します（ホストと、その先のエンクレーブ）。",
    ),
    "help.demo": (
        "Watch a joint computation on real data that nobody else can see.",
        "誰にも見えない実データでの共同計算を実演します。",
    ),
    "help.join": (
        "Appraise a service by its invite, and remember it.",
        "招待 URL でサービスを評価し、記憶します。",
    ),
    "help.call": (
        "Send one command or query to a program, and check its receipt.",
        "プログラムにコマンドや照会を送り、レシートを検証します。",
    ),
    "help.verify": (
        "Verify evidence, a log or a receipt, offline and alone.",
        "証拠・ログ・レシートを、オフラインで単独に検証します。",
    ),
    "help.doctor": (
        "See whether this machine and your profile are in order.",
        "このマシンとプロファイルの状態を点検します。",
    ),
    "help.dataset": (
        "Check, contribute and withdraw data.",
        "データの点検・提供・撤回を行います。",
    ),
    "help.room": (
        "Ask questions of a data room, within its owners' terms.",
        "所有者の利用条件の範囲で、データルームに質問します。",
    ),
    "help.keys": (
        "Make and list the keys that sign your commands.",
        "コマンドに署名する鍵の作成と一覧を行います。",
    ),
    "help.proxy": (
        "Let any program on this machine use a service with plain JSON.",
        "このマシン上の任意のプログラムから、JSON でサービスを使えるようにします。",
    ),
    "up.ready": ("The service runs at {url}", "サービスが {url} で動いています"),
    "up.service": ("Service id: {service}", "サービス識別子: {service}"),
    "up.configuration": (
        "Genesis digest, for members to compare: {configuration}",
        "創設構成のダイジェスト（メンバー間で照合用）: {configuration}",
    ),
    "up.invite": (
        "Invite for its members (it pins this machine and its code as they are now):",
        "メンバーへの招待（このマシンと現在のコードに固定されます）:",
    ),
    "up.stop": ("Stop it with Ctrl-C.", "Ctrl-C で停止します。"),
    "up.pass_on": (
        "Send it over a channel of your own; members type: tobari join INVITE",
        "自分の管理する経路で送ってください。メンバーは tobari join INVITE と入力します。",
    ),
    "up.stopped": ("The service has stopped.", "サービスは停止しました。"),
    "join.done": (
        'The service is trusted and remembered as "{name}".',
        "サービスを信頼し、「{name}」として記憶しました。",
    ),
    "join.configuration": (
        "Genesis digest: {configuration} (compare it with the other members', or use --genesis FILE).",
        "創設構成のダイジェスト: {configuration}（他のメンバーと照合するか、--genesis FILE を指定してください）。",
    ),
    "join.genesis": (
        "Genesis digest: {configuration}, that of your copy of the file.",
        "創設構成のダイジェスト: {configuration}（手元のファイルと一致）。",
    ),
    "join.differs": (
        "You know this service. The invite differs from what you accepted (- held, + offered):",
        "このサービスは既知です。招待の内容は、受理済みの内容と異なります（- 受理済み、+ 招待）:",
    ),
    "join.unpinned": ("not compared", "照合なし"),
    "call.committed": (
        "Committed: entry {index} of {origin}, in a tree of {size} ({cosigned}).",
        "確定しました: {origin} のエントリー {index}、木のサイズ {size}（{cosigned}）。",
    ),
    "call.invalid": (
        "Refused, and logged: entry {index} of {origin}, in a tree of {size} ({cosigned}).",
        "拒否され、記録されました: {origin} のエントリー {index}、木のサイズ {size}（{cosigned}）。",
    ),
    "call.no_query": (
        "This is a command, not a query: it was run.",
        "これは照会ではなくコマンドです。実行されました。",
    ),
    "call.receipt": ("The receipt is in {path}.", "レシートを {path} に保存しました。"),
    "evidence.accepted": ("Accepted: the policy trusts this machine.", "受理: ポリシーはこのマシンを信頼します。"),
    "evidence.authentic": (
        "Authentic, and no more: no policy was given, so nothing was decided about the machine or its code.",
        "真正性のみ確認しました。ポリシーがないため、マシンやコードの信頼は判断していません。",
    ),
    "refused": ("Refused.", "拒否しました。"),
    "log.good": (
        "The log holds: {entries} entries, all of them in the tree that {origin} signed.",
        "ログは正しい状態です: {entries} 件すべてが {origin} の署名した木に含まれます。",
    ),
    "log.grown": (
        "It has only grown since the checkpoint of {size} entries that you saw before.",
        "以前に見たサイズ {size} のチェックポイントから、追記だけが行われています。",
    ),
    "receipt.good": (
        "The receipt holds: entry {index} of {origin}, in a tree of {size} ({cosigned}).",
        "レシートは正しい状態です: {origin} のエントリー {index}、木のサイズ {size}（{cosigned}）。",
    ),
    "unverified": ("UNVERIFIED: what the file says of itself:", "未検証: ファイル自身の記載:"),
    "uncosigned": (
        "Uncosigned: only the service itself has signed this tree; a rollback shown only to you would not be seen.",
        "連署なし: この木に署名したのはサービス自身だけです。あなただけに見せた巻き戻しは、ここには現れません。",
    ),
    "dataset.fits": ("The file fits its terms.", "ファイルは利用条件に適合しています。"),
    "dataset.done": (
        "Contributed dataset {dataset}: {rows} rows, {entities} entities.",
        "データセット {dataset} を提供しました: {rows} 行、実体 {entities} 件。",
    ),
    "dataset.withdrawn": ("Withdrawn: its data key is destroyed.", "撤回しました。データ鍵は破棄されました。"),
    "room.held": (
        "Held against the log: entry {entry} commits to this query, these terms and this result.",
        "ログと照合しました: エントリー {entry} が、この照会・利用条件・結果を約束しています。",
    ),
    "room.job": ("Job {job}", "ジョブ {job}"),
    "proxy.ready": (
        "Whoever has this token acts as you until the proxy stops. Stop it with Ctrl-C.",
        "停止するまで、このトークンを持つ者はあなたとして操作できます。Ctrl-C で停止します。",
    ),
    "proxy.stopped": ("The proxy has stopped.", "プロキシは停止しました。"),
    "doctor.good": ("Everything is in order.", "すべて正常です。"),
    "doctor.warn": ("In order, with {warnings} warnings.", "正常ですが、警告が {warnings} 件あります。"),
    "doctor.fail": ("{failures} checks failed.", "{failures} 件の点検に失敗しました。"),
}


def language() -> Language:
    """What this process speaks."""
    wanted = os.environ.get("TOBARI_LANG") or os.environ.get("LANG", "")
    return "ja" if wanted.lower().startswith("ja") else "en"


def say(key: str, **values: object) -> str:
    """One line of the catalogue, in this process's language."""
    english, japanese = _CATALOGUE[key]
    return (japanese if language() == "ja" else english).format(**values)


def in_both(warning: Caution) -> tuple[str, str]:
    """The same in both languages, this process's first."""
    return (warning.ja, warning.en) if language() == "ja" else (warning.en, warning.ja)


def caution(warning: Caution) -> str:
    """What a relying party must be shown, in this process's language."""
    return warning.ja if language() == "ja" else warning.en
