"""What other rooms may use of dashboards/: each name is loaded when it is first used."""

from .launch import (
    prepare as prepare,
)
from .settings import (
    DashboardSettings as DashboardSettings,
)
