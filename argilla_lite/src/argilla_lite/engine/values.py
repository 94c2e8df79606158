"""Values inside JSON columns as sets of comparable scalars, as Elasticsearch's multi-valued fields are.

A list matches when any member does; sorting takes its least member ascending and its greatest descending. Of a span
the label counts, of a ranking the option.
"""

# ruff: noqa: S608 - only names that this package makes get into SQL text; values are parameters
from __future__ import annotations

from argilla_lite.engine.sql import Sql

_MEMBER = (
    "CASE {j}.type WHEN 'object' THEN coalesce(json_extract({j}.value, '$.label'), json_extract({j}.value, '$.value'))"
    " WHEN 'true' THEN 'true' WHEN 'false' THEN 'false' ELSE {j}.value END"
)
_SCALAR = "CASE json_type({column}, ?) WHEN 'true' THEN 'true' WHEN 'false' THEN 'false' ELSE json_extract({column}, ?) END"
_NUMBERS = "('integer', 'real')"


class JsonValue:
    """One value in a JSON column.

    Args:
        column: Qualified name of the column.
        path: JSON path in it.
        numeric: Whether numbers are meant; text in it is then left out of account, and the other way round.
    """

    def __init__(self, column: str, path: str, numeric: bool) -> None:
        self._column = column
        self._path = path
        self._numeric = numeric

    def satisfies(self, comparison: Sql) -> Sql:
        """True when the value, or any member of a list, satisfies `comparison` (`= ?`, `IN (…)`, `BETWEEN …`)."""
        scalar = Sql(_SCALAR.format(column=self._column), (self._path, self._path))
        member = Sql(_MEMBER.format(j="j"))
        return (
            Sql(f"CASE json_type({self._column}, ?) WHEN 'array' THEN EXISTS (", (self._path,))
            + Sql(f"SELECT 1 FROM json_each({self._column}, ?) AS j WHERE", (self._path,))
            + self._typed(member)
            + comparison
            + Sql(") ELSE")
            + self._typed(scalar)
            + comparison
            + Sql("END")
        )

    def key(self, descending: bool) -> Sql:
        """What to sort by; NULL when there is nothing to compare."""
        scalar = Sql(_SCALAR.format(column=self._column), (self._path, self._path))
        best = "max" if descending else "min"
        return (
            Sql(f"CASE json_type({self._column}, ?) WHEN 'array' THEN (", (self._path,))
            + Sql(f"SELECT {best}(")
            + self._typed(Sql(_MEMBER.format(j="j")))
            + Sql(f") FROM json_each({self._column}, ?) AS j", (self._path,))
            + Sql(") ELSE")
            + self._typed(scalar)
            + Sql("END")
        )

    def _typed(self, expression: Sql) -> Sql:
        if self._numeric:
            # Number or NULL: text that a property of another type left behind must not be compared with numbers.
            opened = Sql("(SELECT CASE WHEN typeof(v) IN ('integer', 'real') THEN v END FROM (SELECT")
            return opened + expression + Sql("AS v))")
        return Sql("CAST(") + expression + Sql("AS TEXT)")
