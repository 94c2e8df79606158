"""The command that serves the dashboard: Streamlit, on loopback unless the settings say otherwise."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import dashboards
from curation import local_url
from dashboards.handover import Handover, write_handover

LOOPBACK_NAMES = ("127.0.0.1", "localhost", "::1")

# In the environment and not as options: a Streamlit that does not know one of them still starts.
APPEARANCE = {
    "STREAMLIT_THEME_LIGHT_PRIMARY_COLOR": "#A8502F",
    "STREAMLIT_THEME_LIGHT_BACKGROUND_COLOR": "#FCFAF7",
    "STREAMLIT_THEME_LIGHT_SECONDARY_BACKGROUND_COLOR": "#F3EDE4",
    "STREAMLIT_THEME_LIGHT_TEXT_COLOR": "#2E2723",
    "STREAMLIT_THEME_LIGHT_BORDER_COLOR": "#E4D9CB",
    "STREAMLIT_THEME_LIGHT_LINK_COLOR": "#8F4024",
    "STREAMLIT_THEME_LIGHT_CODE_TEXT_COLOR": "#6B4A36",
    "STREAMLIT_THEME_LIGHT_BLUE_BACKGROUND_COLOR": "#F1EADF",
    "STREAMLIT_THEME_LIGHT_BLUE_TEXT_COLOR": "#5B4636",
    "STREAMLIT_THEME_DARK_BLUE_BACKGROUND_COLOR": "#332B26",
    "STREAMLIT_THEME_DARK_BLUE_TEXT_COLOR": "#E6D3C3",
    "STREAMLIT_THEME_DARK_PRIMARY_COLOR": "#D98A63",
    "STREAMLIT_THEME_DARK_BACKGROUND_COLOR": "#1D1916",
    "STREAMLIT_THEME_DARK_SECONDARY_BACKGROUND_COLOR": "#292320",
    "STREAMLIT_THEME_DARK_TEXT_COLOR": "#EFE7DD",
    "STREAMLIT_THEME_DARK_BORDER_COLOR": "#443A33",
    "STREAMLIT_THEME_DARK_LINK_COLOR": "#E3A07D",
    "STREAMLIT_THEME_DARK_CODE_TEXT_COLOR": "#E0BFA6",
    "STREAMLIT_THEME_BASE_RADIUS": "medium",
    "STREAMLIT_THEME_METRIC_VALUE_FONT_SIZE": "1.9rem",
    "STREAMLIT_CLIENT_SHOW_ERROR_LINKS": "false",
}


@dataclass(frozen=True)
class Launch:
    """A dashboard that is ready to be started: run ``command`` with ``environment`` on top of your own.

    ``url`` is where it will answer. ``health`` answers 200 as soon as it does.
    """

    command: list[str]
    environment: dict[str, str]
    url: str

    @property
    def health(self) -> str:
        return f"{self.url}/_stcore/health"


def prepare(handover: Handover) -> Launch:
    """Write the handover file (mode 0600) and say how to start the page at the host and port that it names.

    Nothing secret is on the command line or in the environment, and the working folder does not matter.
    Raises StateError when the file cannot be written.
    """
    settings, path = handover.dashboard, write_handover(handover)
    package = Path(dashboards.__file__).resolve().parent
    options = {
        "server.headless": "true",
        "server.address": settings.host,
        "server.port": str(settings.port),
        "server.fileWatcherType": "none",
        "server.enableCORS": "true",
        "server.enableXsrfProtection": "true",
        "browser.gatherUsageStats": "false",
        "client.toolbarMode": "viewer",
        "client.showErrorDetails": "none",
        # It looks through all decisions after each part of the page that is drawn: 0.3 s at 35,000 of them.
        "runner.postScriptGC": "false",
    }
    flags = [f"--{name}={value}" for name, value in options.items()]
    # Keeps the working folder off Python's path: a folder named like one of our rooms must not be imported.
    environment = {"PYTHONSAFEPATH": "1", **APPEARANCE}
    if settings.host in LOOPBACK_NAMES:
        # Against DNS rebinding, where another site's name points to 127.0.0.1: answer to our names only.
        environment["STREAMLIT_SERVER_ALLOWED_HOSTS"] = " ".join(LOOPBACK_NAMES)
    started = [sys.executable, "-m", "streamlit", "run", str(package / "app.py"), *flags, "--", str(path)]
    return Launch(started, environment, local_url(settings.host, settings.port))
