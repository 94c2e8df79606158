"""Brings Argilla's database up to date: schema, owner and workspace. Runs in a separate process.

The secrets come from the home folder's files, never from the command line, where other users could see them.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.metadata
import io
import json
import re
import sys
from pathlib import Path

from argilla_lite.databases import Database, database_of
from argilla_lite.home import Credentials, Home, write_private


def is_prepared(home: Home, database: Database, workspace: str) -> bool:
    """Whether the database is up to date. Does not import argilla_server, which takes seconds."""
    try:
        noted = json.loads(home.prepared_file.read_text(encoding="utf-8"))
        revision = database.rows("SELECT version_num FROM alembic_version")
        owner = home.read_credentials()
        return bool(
            revision
            and noted
            == {"argilla_server": importlib.metadata.version("argilla-server"), "revision": revision[0][0]}
            and database.is_tuned()
            and database.rows("SELECT 1 FROM workspaces WHERE name = ?", workspace)
            and database.rows("SELECT 1 FROM users WHERE username = ?", owner.username if owner else "")
        )
    except (OSError, ValueError, LookupError):
        return False


def _migrate() -> str:
    """Runs the schema migrations through Argilla's own command. Returns the revision reached."""
    from argilla_server.cli.database import utils
    from argilla_server.cli.database.migrate import migrate_db
    from argilla_server.database import ALEMBIC_CONFIG_FILE

    chatter = io.StringIO()
    try:
        with contextlib.redirect_stdout(chatter):
            migrate_db("head")
    except BaseException:
        print(chatter.getvalue())
        raise
    return str(utils.get_current_revision(ALEMBIC_CONFIG_FILE))


async def _create_owner(credentials: Credentials, workspace_name: str) -> None:
    from argilla_server.contexts import accounts
    from argilla_server.database import AsyncSessionLocal
    from argilla_server.models import User, UserRole, Workspace, WorkspaceUser

    async with AsyncSessionLocal() as db:
        user = await User.get_by(db, username=credentials.username)
        if user is None:
            user = await User.create(
                db,
                first_name="Owner",
                last_name=None,
                username=credentials.username,
                role=UserRole.owner,
                password_hash=accounts.hash_password(credentials.password),
                api_key=credentials.api_key,
            )
            print(f"Created the owner {credentials.username!r}.")
        workspace = await Workspace.get_by(db, name=workspace_name)
        if workspace is None:
            workspace = await Workspace.create(db, name=workspace_name)
            print(f"Created the workspace {workspace_name!r}.")
        if await WorkspaceUser.get_by(db, workspace_id=workspace.id, user_id=user.id) is None:
            await WorkspaceUser.create(db, workspace_id=workspace.id, user_id=user.id)


def main(arguments: list[str]) -> None:
    """Migrates the database of the home that the first argument names, and creates the owner and the
    workspace that the second names if they are missing."""
    home, workspace = Home(Path(arguments[0])), arguments[1]
    credentials = home.read_credentials()
    if credentials is None:
        sys.exit(f"{home.credentials_file} is missing: start with `argilla-lite up`.")
    database_of(home).tune()
    # Imported here, because the supervisor imports this module for `is_prepared` only.
    from argilla_lite.web_page import not_copied

    with not_copied():
        from argilla_lite import plugin  # noqa: F401 - sets the connections' pragmas

    revision = _migrate()
    asyncio.run(_create_owner(credentials, workspace))
    noted = {"argilla_server": importlib.metadata.version("argilla-server"), "revision": revision}
    write_private(home.prepared_file, json.dumps(noted) + "\n")
    print(f"The database is ready (schema {re.sub(r'[^0-9a-f]', '', revision)}).")


if __name__ == "__main__":
    main(sys.argv[1:])
