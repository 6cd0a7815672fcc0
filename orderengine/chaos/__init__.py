"""The chaos harness behind `make chaos`: kills parts of a whole engine under load and checks what was promised.

It stands beside `devstack` because it is a deployment of its own: the same servers and processes, started by the same
parts, with a settings module that adds faults. Nothing of the engine imports it.
"""
