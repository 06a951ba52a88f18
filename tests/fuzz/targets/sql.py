"""Queries: any text is refused with a code, or planned the same way twice, and its plan reads only what terms allow."""

from __future__ import annotations

from tests.rules.query.rooms import RULES, ask
from tobari.base.errors import TobariError

ALLOWED = {name for name, rule in RULES.items() if rule.uses} | {"patient"}


def run(data: bytes) -> None:
    sql = data.decode("utf-8", "surrogateescape")
    try:
        plan = ask(sql)
    except TobariError:
        return
    assert ask(sql) == plan
    assert {column.name for column in plan.reads} <= ALLOWED
    assert plan.sql.startswith("SELECT") or plan.sql.startswith("WITH")


def seeds() -> dict[str, bytes]:
    texts = {
        "count": "SELECT COUNT(*) FROM room",
        "groups": "SELECT ward, AVG(age) AS a FROM room WHERE sex = 'f' AND age BETWEEN 20 AND 30 GROUP BY ward",
        "japanese": 'SELECT "体重区分", COUNT(*) FROM room GROUP BY "体重区分"',
        "case": "SELECT CASE WHEN age < 50 THEN 'y' ELSE 'o' END AS g, COUNT(*) FROM room GROUP BY 1",
        "order": "SELECT ward, SUM(cost) FROM room GROUP BY ward HAVING COUNT(*) > 5 ORDER BY 2 DESC LIMIT 3",
        "union": "SELECT COUNT(*) FROM room UNION SELECT COUNT(*) FROM room",
        "subquery": "SELECT COUNT(*) FROM (SELECT * FROM room)",
        "brackets": "SELECT " + "(" * 200 + "1" + ")" * 200 + " FROM room",
        "nots": "SELECT COUNT(*) FROM room WHERE " + "NOT " * 300 + "smoker",
        "minus": "SELECT COUNT(*) FROM room WHERE age = " + "- " * 900 + "1",
        "cases": "SELECT " + "CASE WHEN " * 100 + "1",
        "comment": "SELECT COUNT(*) /* " + "/* " * 100 + " FROM room",
        "quote": "SELECT 'never closed FROM room",
        "copy": "COPY room TO '/tmp/x'",
        "dollar": "SELECT $$x$$, COUNT(*) FROM room",
        "null": "SELECT COUNT(*) FROM room\0",
    }
    return {name: text.encode() for name, text in texts.items()}
