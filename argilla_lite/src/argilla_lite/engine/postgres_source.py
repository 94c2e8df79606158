"""Argilla's database in PostgreSQL, where each write appends to a table of changes through triggers.

A change is numbered with its transaction. Transactions become visible in another order than that of their
numbers, so the revision of a snapshot is the number below which all are decided (`pg_snapshot_xmin`), and
what lies above it is read again the next time.
"""

# ruff: noqa: S608 - only names that this package makes get into SQL text; values are parameters
from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from typing import Any

from argilla_lite.engine.source import Dialect

_CHANGES = "argilla_lite_changes"
_CREATE = f"""
CREATE TABLE IF NOT EXISTS {_CHANGES} (
    transaction bigint NOT NULL DEFAULT (pg_current_xact_id()::text::bigint),
    dataset_id uuid NOT NULL,
    record_id uuid NOT NULL
);
CREATE INDEX IF NOT EXISTS {_CHANGES}_of_dataset ON {_CHANGES} (dataset_id, transaction);
CREATE OR REPLACE FUNCTION {_CHANGES}_of_record() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        INSERT INTO {_CHANGES} (dataset_id, record_id) VALUES (OLD.dataset_id, OLD.id);
    ELSE
        INSERT INTO {_CHANGES} (dataset_id, record_id) VALUES (NEW.dataset_id, NEW.id);
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE FUNCTION {_CHANGES}_of_part() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        INSERT INTO {_CHANGES} (dataset_id, record_id)
        SELECT dataset_id, id FROM records WHERE id = OLD.record_id;
    ELSE
        INSERT INTO {_CHANGES} (dataset_id, record_id)
        SELECT dataset_id, id FROM records WHERE id = NEW.record_id;
    END IF;
    RETURN NULL;
END $$;
"""


class PostgresDialect(Dialect):
    """The database that libpq's environment variables name (`postgresql.PostgresDatabase.environment`)."""

    mark = "%s"

    def connect(self) -> Any:
        import psycopg

        # Transactions are begun and ended explicitly.
        return psycopg.connect("", autocommit=True, application_name="argilla-lite search")

    def begin(self, cursor: Any) -> None:
        cursor.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")

    def hexed(self, column: str) -> str:
        return f"replace({column}::text, '-', '')"

    def id_parameter(self, record_id: str) -> str:
        return record_id  # uuid takes 32 digits without dashes

    def micros(self, column: str) -> str:
        return f"(extract(epoch FROM {column}) * 1000000)::bigint"

    def text(self, column: str) -> str:
        return f"{column}::text"

    def member(self, column: str, name: str) -> str:
        return f"{column}->>'{name}'"

    def among(self, column: str, ids: Sequence[str]) -> tuple[str, tuple[Any, ...]]:
        return f"{column} = ANY(%s::uuid[])", (list(ids),)

    def revision(self, cursor: Any) -> int:
        cursor.execute("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint")
        return int(cursor.fetchone()[0])

    def changed(self, cursor: Any, dataset_id: str, since: int) -> list[str]:
        cursor.execute(
            f"SELECT DISTINCT {self.hexed('record_id')} FROM {_CHANGES}"
            " WHERE dataset_id = %s AND transaction >= %s",
            (dataset_id, since),
        )
        return [row[0] for row in cursor.fetchall()]

    def install(self) -> None:
        with closing(self.connect()) as connection:
            cursor = connection.cursor()
            cursor.execute("BEGIN")
            # Two servers that start at once must not define the same thing at once.
            cursor.execute("SELECT pg_advisory_xact_lock(8203617)")
            cursor.execute(_CREATE)
            for table in ("records", "suggestions", "responses", "vectors"):
                function = f"{_CHANGES}_of_{'record' if table == 'records' else 'part'}"
                cursor.execute(
                    f"DROP TRIGGER IF EXISTS argilla_lite_changed ON {table};"
                    f" CREATE TRIGGER argilla_lite_changed AFTER INSERT OR UPDATE OR DELETE ON {table}"
                    f" FOR EACH ROW EXECUTE FUNCTION {function}()"
                )
            cursor.execute(f"DELETE FROM {_CHANGES}")
            cursor.execute("COMMIT")
