"""The settings of the dashboard."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, SecretStr


class DashboardSettings(BaseModel):
    """The maintainers' page."""

    model_config = ConfigDict(extra="forbid", validate_default=True)

    host: str = Field(
        "127.0.0.1", description="Address to bind. Anything else than loopback is visible to others."
    )
    port: int = Field(6903, ge=0, le=65535, description="Port of the dashboard (0: any free one).")
    refresh_seconds: float = Field(5.0, gt=0, description="How often the page looks for news.")
    accounts: dict[str, SecretStr] = Field(
        default_factory=dict,
        description="Who may act on the page, with their passwords; empty: on a loopback address whoever "
        """opens it, else nobody. Better given as CLAYLOOP_DASHBOARDS__ACCOUNTS='{"ada": "…"}'.""",
    )
