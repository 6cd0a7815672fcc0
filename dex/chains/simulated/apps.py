"""The simulated chain as a Django app: its tables live beside the engine's own."""

from django.apps import AppConfig


class SimulatedChainConfig(AppConfig):
    """Holds the models of the simulated chain."""

    name = "dex.chains.simulated"
    label = "simulated"
    default_auto_field = "django.db.models.BigAutoField"
