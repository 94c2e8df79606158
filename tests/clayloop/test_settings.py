"""The settings file: what wins over what, and what a mistake is told as."""

from __future__ import annotations

from pathlib import Path

import pytest

from clayloop.settings import load_settings
from clayloop.template import settings_template
from curation import SettingsError

try:
    import tomllib
except ModuleNotFoundError:  # Python 3.10
    import tomli as tomllib


@pytest.fixture(autouse=True)
def nothing_around(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CLAYLOOP_HOME", "CLAYLOOP_CONFIG", "CLAYLOOP_SERVING__BOT__PORT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


def test_defaults_need_no_file(tmp_path: Path) -> None:
    settings = load_settings()
    assert settings.state.root == tmp_path / ".clayloop"
    assert settings.curation.argilla.url == ""


def test_environment_wins_over_the_file_and_the_option_over_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("clayloop.toml").write_text('home = "from-file"\n[serving.bot]\nport = 1234\ntitle = "File"\n')
    assert load_settings().serving.bot.port == 1234
    monkeypatch.setenv("CLAYLOOP_SERVING__BOT__PORT", "4321")
    monkeypatch.setenv("CLAYLOOP_HOME", str(tmp_path / "from-env"))
    settings = load_settings()
    assert (settings.serving.bot.port, settings.serving.bot.title) == (4321, "File")
    assert settings.state.root == tmp_path / "from-env"
    assert load_settings(home=tmp_path / "option").state.root == tmp_path / "option"


def test_the_login_in_an_address_that_is_none_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLAYLOOP_CURATION__ARGILLA__URL", "htp://ops:hunter2@x")
    with pytest.raises(SettingsError, match=r"curation\.argilla\.url") as caught:
        load_settings()
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[serving.bot]\nprot = 1\n", "serving.bot.prot"),
        ('[serving.bot]\nport = "many"\n', "serving.bot.port"),
        ("[training.gate]\nholdout_share = 2.0\n", "training.gate.holdout_share"),
        ("[training.gate]\npromote = ['inferior']\n", "training.gate.promote"),
        ("[training.gate.guards]\nremoved_share = 2.0\n", "training.gate.guards.removed_share"),
        ("[training]\ntestsets = [{ queries = 'q.jsonl' }]\n", "needs a folder, or both queries and qrels"),
        ("[broken\n", "clayloop.toml"),
        ("[curation.documents]\nsources = 'docs'\n", "curation.documents.sources: a list is wanted"),
        ("[curation.documents]\npages = []\n", "curation.documents.pages: a table is wanted"),
        ("serving = 5\n", "serving: a table with keys is wanted"),
        ("[serving.bot]\ntitle = 5\n", "serving.bot.title: text is wanted"),
        ("[curation.argilla]\nurl = 'localhost:6900'\n", "curation.argilla.url is 'localhost:6900'"),
        ("[curation.language_model]\nbase_url = 'http:// x/v1'\n", "curation.language_model.base_url"),
        ("[curation.judge]\nbase_url = 'http://x:port/v1'\n", "curation.judge.base_url"),
    ],
)
def test_a_mistake_names_file_and_key(text: str, named: str) -> None:
    Path("clayloop.toml").write_text(text)
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert named in str(caught.value)
    assert "clayloop.toml" in str(caught.value)


def test_a_variable_that_is_no_json_is_named_without_its_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLAYLOOP_SERVING__BOT__EXAMPLES", "secret words")
    with pytest.raises(SettingsError, match="CLAYLOOP_SERVING__BOT__EXAMPLES") as caught:
        load_settings()
    assert "secret words" not in str(caught.value)


def test_a_file_is_no_state_folder(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SettingsError, match="file is no folder"):
        load_settings(home=tmp_path / "file")


def test_a_state_folder_that_may_not_be_looked_into(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    exists = Path.exists

    def refuses(path: Path) -> bool:
        if path == tmp_path / "mine":
            raise PermissionError(13, "Permission denied")
        return exists(path)

    monkeypatch.setattr(Path, "exists", refuses)
    with pytest.raises(SettingsError, match=r"mine cannot be used: Permission denied\."):
        load_settings(home=tmp_path / "mine")


def test_a_file_that_was_asked_for_must_exist() -> None:
    with pytest.raises(SettingsError, match="nowhere"):
        load_settings(Path("nowhere.toml"))


def test_a_folder_is_no_settings_file() -> None:
    Path("clayloop.toml").mkdir()
    with pytest.raises(SettingsError, match=r"clayloop\.toml is not a file"):
        load_settings()


def test_secrets_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLAYLOOP_CURATION__ARGILLA__API_KEY", "very-secret-key")
    settings = load_settings()
    assert settings.curation.argilla.api_key.get_secret_value() == "very-secret-key"
    assert "very-secret-key" not in repr(settings)


def test_the_template_is_valid_and_documents_every_key() -> None:
    text = settings_template()
    assert set(tomllib.loads(text)) == {"curation", "serving", "training", "dashboards", "watch"}
    uncommented = "\n".join(
        line.removeprefix("# ")
        if line.startswith("# ")
        and " = " in line
        and line.split()[1].isidentifier()
        and line.split()[2] == "="
        else line
        for line in text.splitlines()
        if "(not set)" not in line
    )
    Path("clayloop.toml").write_text(uncommented)
    from_template = load_settings().model_dump()
    Path("clayloop.toml").unlink()
    assert from_template == load_settings().model_dump()
    for key in (
        "max_tokens",
        "num_queries",
        "holdout_share",
        "poll_seconds",
        "refresh_seconds",
        "min_submitted",
    ):
        assert f"# {key} = " in text
