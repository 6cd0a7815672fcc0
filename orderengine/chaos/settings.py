"""The engine's settings with the harness's faults as one more app: how they get in without a trace in the product."""

from orderengine.settings import *  # noqa: F403
from orderengine.settings import INSTALLED_APPS as ENGINE_APPS

INSTALLED_APPS = [*ENGINE_APPS, "orderengine.chaos.hooks.ChaosConfig"]
