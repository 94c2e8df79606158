"""A patch that shortens the time for which bulk logging locks SQLite against other writers.

Argilla upserts the suggestions and vectors of a bulk request by one statement with a VALUES row each.
SQLAlchemy compiles it anew for every batch, and reads back objects that nobody uses (bulk/records_bulk.py,
models/mixins.py: upsert_many). That was half of the time between a batch's first write and its commit, in
which annotators' answers wait. The patch executes one prepared statement with all rows, and writes the same.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any


def upsert_without_reading_back() -> None:
    """Patches Argilla to write suggestions and vectors of bulk requests without reading them back."""
    from argilla_server.models import Suggestion, Vector

    for model in (Suggestion, Vector):
        setattr(model, "upsert_many", classmethod(_upsert_many(model.upsert_many.__func__)))  # noqa: B010


def _upsert_many(original: Any) -> Any:
    async def upsert_many(
        cls: Any, db: Any, objects: list[Any], constraints: list[Any], autocommit: bool = True
    ) -> list[Any]:
        # Argilla's own way when the caller may use the result (one object), or when the session holds objects
        # that have to be refreshed.
        if autocommit or len(objects) < 2 or any(isinstance(held, cls) for held in db.identity_map.values()):
            found: list[Any] = await original(cls, db, objects, constraints, autocommit)
            return found
        from argilla_server.models.mixins import _INSERT_FUNC

        insert = _INSERT_FUNC[db.bind.dialect.name](cls.__table__)
        changed = {column: insert.excluded[column] for column in cls.__upsertable_columns__}
        changed["updated_at"] = datetime.utcnow()
        upsert = insert.on_conflict_do_update(index_elements=constraints, set_=changed)
        rows = [one if isinstance(one, dict) else one.model_dump() for one in objects]
        await (await db.connection()).execute(upsert, rows)
        return []

    return upsert_many
