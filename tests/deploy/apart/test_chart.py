"""The chart, rendered by Helm's own engine (in an environment of its own: `make test-chart`)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import helm_python
import pytest
import yaml

CHART = Path(__file__).parents[3] / "deploy" / "helm" / "clayloop"
LEAST = {"releases": "s3://bucket/bot", "argilla": {"url": "http://argilla:6900"}}


def rendered(**values: Any) -> dict[tuple[str, str], Any]:
    """The objects by kind and name."""
    with helm_python.Chart.load(CHART) as chart:
        files = chart.render({**LEAST, **values}, name="docs", namespace="prod")
    texts = [text for name, text in files.items() if name.endswith(".yaml")]
    found = [one for text in texts for one in yaml.safe_load_all(text) if one]
    return {(one["kind"], one["metadata"]["name"]): one for one in found}


def container(thing: Any) -> Any:
    (found,) = thing["spec"]["template"]["spec"]["containers"]
    return found


def variables(thing: Any) -> dict[str, str]:
    return {one["name"]: one["value"] for one in container(thing)["env"]}


def test_bots_follow_the_store_and_one_watcher_retrains() -> None:
    found = rendered(settings={"CLAYLOOP_SERVING__RETRIEVAL__TOP_K": 5}, bot={"replicas": 3})
    assert set(found) == {
        ("Service", "docs-bot"),
        ("StatefulSet", "docs-bot"),
        ("PersistentVolumeClaim", "docs-watch"),
        ("Deployment", "docs-watch"),
    }
    bot, watch = found["StatefulSet", "docs-bot"], found["Deployment", "docs-watch"]
    assert (bot["spec"]["replicas"], watch["spec"]["replicas"]) == (3, 1)
    for one, command in ((bot, "exec clayloop serve --no-model"), (watch, "exec clayloop watch")):
        (script,) = container(one)["args"]
        assert script.splitlines() == ['clayloop releases share "$RELEASES"', command]
        assert variables(one)["RELEASES"] == "s3://bucket/bot"
        assert variables(one)["CLAYLOOP_CURATION__ARGILLA__URL"] == "http://argilla:6900"
        assert variables(one)["CLAYLOOP_SERVING__RETRIEVAL__TOP_K"] == "5"
        assert container(one)["envFrom"] == [{"secretRef": {"name": "clayloop"}}]
        mounts = {one["name"] for one in container(one)["volumeMounts"]}
        assert mounts == {"state"}
        assert one["spec"]["template"]["spec"]["securityContext"]["runAsNonRoot"] is True
    assert variables(bot)["CLAYLOOP_SERVING__BOT__HOST"] == "0.0.0.0"  # noqa: S104 - in a pod
    labels = bot["spec"]["template"]["metadata"]["labels"]
    assert found["Service", "docs-bot"]["spec"]["selector"].items() <= labels.items()
    assert bot["spec"]["selector"]["matchLabels"].items() <= labels.items()
    assert found["Service", "docs-bot"]["spec"]["ports"][0]["targetPort"] == "http"


def test_only_published_images_are_named() -> None:
    images = {container(one)["image"] for one in rendered().values() if "template" in one["spec"]}
    assert images == {"python:3.12-slim"}  # nobody has to build one: `install` puts clayloop into it
    found = rendered(install="clayloop[cloud] @ https://example.org/a b.whl")
    (script,) = container(found["StatefulSet", "docs-bot"])["args"]
    assert 'pip install --quiet "$INSTALL"' in script
    assert variables(found["StatefulSet", "docs-bot"])["INSTALL"].endswith("a b.whl")


def test_a_language_model_and_no_watcher() -> None:
    found = rendered(bot={"languageModel": "http://vllm/v1"}, watch={"enabled": False})
    bot = found["StatefulSet", "docs-bot"]
    assert variables(bot)["CLAYLOOP_CURATION__LANGUAGE_MODEL__BASE_URL"] == "http://vllm/v1"
    assert container(bot)["args"][0].splitlines()[-1] == "exec clayloop serve"
    assert ("Deployment", "docs-watch") not in found


@pytest.mark.parametrize("missing", ["releases", "argilla"])
def test_what_is_missing_is_said(missing: str) -> None:
    with pytest.raises(helm_python.HelmError, match=f"Set {missing}"):
        rendered(**{missing: {"url": ""} if missing == "argilla" else ""})
