"""`argilla-lite users`: list, add and remove users, and set passwords."""

from __future__ import annotations

import argparse
import dataclasses
import json
import secrets
import sys
from typing import Any

from argilla_lite.errors import ArgillaLiteError
from argilla_lite.home import Home, write_private
from argilla_lite.owner_api import OwnerApi, owner_api


def run(home: Home, options: argparse.Namespace) -> int:
    """Runs one of the `users` commands, whether Argilla runs or not."""
    with owner_api(home) as api:
        if options.action == "list":
            return _list(api, options.json)
        password = _new_password(options) if options.action in {"add", "password"} else None
        if options.action == "add":
            user = _add(home, api, options, password or "")
        else:
            user = _find(api, options.name)
            if options.action == "remove":
                _remove(home, api, user)
            else:
                _set_password(home, api, user, password or "")
        _report(options, user, password)
    return 0


def _list(api: OwnerApi, as_json: bool) -> int:
    users = [
        {
            "username": user["username"],
            "role": user["role"],
            "workspaces": sorted(
                one["name"] for one in api.send("GET", f"/users/{user['id']}/workspaces")["items"]
            ),
        }
        for user in api.send("GET", "/users")["items"]
    ]
    if as_json:
        print(json.dumps(users, indent=2))
    else:
        width = max(len(user["username"]) for user in users)
        for user in users:
            print(f"{user['username']:<{width}}  {user['role']:<9}  {', '.join(user['workspaces'])}")
    return 0


def _add(home: Home, api: OwnerApi, options: argparse.Namespace, password: str) -> dict[str, Any]:
    credentials = home.read_credentials()
    wanted = options.workspace or [credentials.workspace if credentials else ""]
    there = {one["name"]: one["id"] for one in api.send("GET", "/me/workspaces")["items"]}
    body = {"username": options.name, "first_name": options.name, "role": options.role, "password": password}
    user: dict[str, Any] = api.send("POST", "/users", body)
    for name in wanted:
        workspace = there.get(name) or api.send("POST", "/workspaces", {"name": name})["id"]
        api.send("POST", f"/workspaces/{workspace}/users", {"user_id": user["id"]})
    return user


def _remove(home: Home, api: OwnerApi, user: dict[str, Any]) -> None:
    credentials = home.read_credentials()
    if credentials and user["username"] == credentials.username:
        raise ArgillaLiteError(
            f"{user['username']} is the owner that argilla-lite itself works as, and has to stay."
        )
    api.send("DELETE", f"/users/{user['id']}")


def _set_password(home: Home, api: OwnerApi, user: dict[str, Any], password: str) -> None:
    api.send("PATCH", f"/users/{user['id']}", {"password": password})
    credentials = home.read_credentials()
    if credentials and user["username"] == credentials.username:
        known = dataclasses.asdict(dataclasses.replace(credentials, password=password))
        write_private(home.credentials_file, json.dumps(known, indent=2) + "\n")


def _find(api: OwnerApi, name: str) -> dict[str, Any]:
    for user in api.send("GET", "/users")["items"]:
        if user["username"] == name:
            return dict(user)
    raise ArgillaLiteError(f"There is no user {name!r}. `argilla-lite users list` shows who there is.")


def _new_password(options: argparse.Namespace) -> str:
    if options.password_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    return secrets.token_urlsafe(18)


def _report(options: argparse.Namespace, user: dict[str, Any], password: str | None) -> None:
    generated = password if password and not options.password_stdin else None
    if options.json:
        print(json.dumps({"username": user["username"], "role": user["role"], "password": generated}))
        return
    done = {"add": "Added", "remove": "Removed", "password": "Set the password of"}[options.action]
    print(f"{done} {user['username']} ({user['role']}).")
    if generated:
        print(f"Password    {generated}")
        print("It is shown this once.")
