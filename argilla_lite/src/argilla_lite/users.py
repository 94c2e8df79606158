"""`argilla-lite users`: list, add and remove users, and set passwords."""

from __future__ import annotations

import argparse
import dataclasses
import json
import secrets
import sys
from typing import Any

from argilla_lite.databases import database_of
from argilla_lite.errors import ArgillaLiteError
from argilla_lite.home import Home, write_private
from argilla_lite.owner_api import OwnerApi, owner_api


def run(home: Home, options: argparse.Namespace) -> int:
    """Runs one of the `users` commands, whether Argilla runs or not."""
    with owner_api(home) as api:
        if options.action == "list":
            return _list(api, options.json)
        if options.action == "remove":
            return _remove(home, api, options)
        password = (
            sys.stdin.readline().rstrip("\r\n") if options.password_stdin else secrets.token_urlsafe(18)
        )
        if options.action == "add":
            user = _add(home, api, options, password)
        else:
            user = _find(api, options.name)
            _set_password(home, api, user, password)
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
    user = _known(api, options.name)
    if user and user["role"] != "owner" and not api.send("GET", f"/users/{user['id']}/workspaces")["items"]:
        _set_password(home, api, user, password)  # was removed, and comes back to the old answers
    else:
        body = {"username": options.name, "first_name": options.name, "role": options.role}
        user = dict(api.send("POST", "/users", {**body, "password": password}))
    for name in wanted:
        workspace = there.get(name) or api.send("POST", "/workspaces", {"name": name})["id"]
        api.send("POST", f"/workspaces/{workspace}/users", {"user_id": user["id"]})
    return user


def _remove(home: Home, api: OwnerApi, options: argparse.Namespace) -> int:
    """Takes somebody out of all workspaces, where the answers stay; or deletes user and answers for good."""
    user = _find(api, options.name)
    name, path = user["username"], f"/users/{user['id']}"
    credentials = home.read_credentials()
    if credentials and name == credentials.username:
        raise ArgillaLiteError(f"{name} is the owner that argilla-lite itself works as, and has to stay.")
    if user["role"] == "owner" and not options.with_answers:
        raise ArgillaLiteError(
            f"{name} is an owner, who sees every workspace. --with-answers deletes the user."
        )
    answers = _answers(home, name)
    if options.with_answers:
        if not options.yes:
            _confirm(f"Delete {name} and {answers:,} answers for good?")
        api.send("DELETE", path)
    else:
        for workspace in api.send("GET", f"{path}/workspaces")["items"]:
            api.send("DELETE", f"/workspaces/{workspace['id']}{path}")
    if options.json:
        report = {"username": name, "role": user["role"], "answers": answers, "deleted": options.with_answers}
        print(json.dumps(report))
    elif options.with_answers:
        print(f"{name} is gone, with {answers:,} answers.")
    else:
        print(f"{name} is in no workspace any more; {answers:,} answers stay.")
    return 0


def _answers(home: Home, name: str) -> int:
    query = (
        "SELECT count(*) FROM responses JOIN users ON users.id = responses.user_id WHERE users.username = ?"
    )
    return int(database_of(home).rows(query, name)[0][0])


def _confirm(question: str) -> None:
    """Raises ArgillaLiteError unless somebody at a terminal says yes."""
    if not sys.stdin.isatty():
        raise ArgillaLiteError(f"{question} Nobody is here to ask: say so with --yes.")
    if input(f"{question} [y/N] ").strip().lower() not in {"y", "yes"}:
        raise ArgillaLiteError("Nothing was changed.")


def _set_password(home: Home, api: OwnerApi, user: dict[str, Any], password: str) -> None:
    api.send("PATCH", f"/users/{user['id']}", {"password": password})
    credentials = home.read_credentials()
    if credentials and user["username"] == credentials.username:
        known = dataclasses.asdict(dataclasses.replace(credentials, password=password))
        write_private(home.credentials_file, json.dumps(known, indent=2) + "\n")


def _known(api: OwnerApi, name: str) -> dict[str, Any] | None:
    return next((dict(one) for one in api.send("GET", "/users")["items"] if one["username"] == name), None)


def _find(api: OwnerApi, name: str) -> dict[str, Any]:
    user = _known(api, name)
    if user is None:
        raise ArgillaLiteError(f"There is no user {name!r}. `argilla-lite users list` shows who there is.")
    return user


def _report(options: argparse.Namespace, user: dict[str, Any], password: str) -> None:
    generated = None if options.password_stdin else password
    if options.json:
        print(json.dumps({"username": user["username"], "role": user["role"], "password": generated}))
        return
    done = "Added" if options.action == "add" else "Set the password of"
    print(f"{done} {user['username']} ({user['role']}).")
    if generated:
        print(f"Password    {generated}")
        print("It is shown this once.")
