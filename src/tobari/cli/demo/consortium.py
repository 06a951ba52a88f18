"""The demo's consortium: who is in it, what its service runs, and under which terms the hospitals hand in."""

from __future__ import annotations

from tobari.cli.demo.answer import MIN_GROUP

ANALYST = "analyst"
HOSPITALS = ("hospital-a", "hospital-b", "hospital-c")
ROOM = "lung"
"""Where the three datasets are one table."""
NOSY = HOSPITALS[1]
"""Has the analyst's role, too, and is no recipient by anybody's terms: not by its own either."""


def room_alone(hospital: str) -> str:
    """The room that holds this hospital's data and no other's."""
    return f"{ROOM}-{hospital}"


def genesis(keys: dict[str, str]) -> str:
    """The genesis file (TOML), out of each member's public key in hex."""
    members = [
        f'[[members]]\nname = "{name}"\nkey = "{keys[name]}"\nroles = [{", ".join(map(_quoted, _roles(name)))}]\n'
        for name in (*HOSPITALS, ANALYST)
    ]
    return "\n".join(['name = "lung-trial"\nprograms = ["room"]\n', *members])


def terms(room: str) -> str:
    """The data terms that all three hospitals chose (TOML); what has no rule here is not queryable."""
    return f"""\
room = "{room}"
purpose = "Survival by sex and performance score"
entity = "patient"
min_group = {MIN_GROUP}
recipients = ["{ANALYST}"]

[columns.patient]
type = "text"
role = "identifier"

[columns.sex]
type = "text"
role = "quasi-identifier"
uses = ["filter", "group"]

[columns.ph_ecog]
type = "integer"
role = "sensitive"
uses = ["filter", "group"]

[columns.age]
type = "integer"
role = "quasi-identifier"
uses = ["aggregate"]
aggregates = ["AVG", "COUNT", "SUM"]

[columns.time_days]
type = "integer"
role = "measure"
uses = ["aggregate"]
aggregates = ["AVG", "COUNT", "SUM"]

[columns.died]
type = "integer"
role = "sensitive"
uses = ["aggregate"]
aggregates = ["AVG", "COUNT", "SUM"]
"""


def _roles(name: str) -> tuple[str, ...]:
    if name == ANALYST:
        return ("analyst",)
    return ("owner", "analyst") if name == NOSY else ("owner",)


def _quoted(text: str) -> str:
    return f'"{text}"'
