"""What other rooms may use of dashboards/: each name is loaded when it is first used."""
# ruff: isort: skip_file

from .data.standing import first_step as first_step
from .handover import Handover as Handover, LoopSettings as LoopSettings
from .launch import prepare as prepare
from .report import write_report as write_report
from .retrain_request import RetrainRequest as RetrainRequest, ask_for_retrain as ask_for_retrain
from .retrain_request import is_watched as is_watched, pending_request as pending_request
from .retrain_request import settle_request as settle_request, watch_lock as watch_lock
from .settings import DashboardSettings as DashboardSettings
