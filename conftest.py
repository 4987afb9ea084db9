"""Turns the plugin on where the package's entry point has not done it, nothing else."""

from importlib.metadata import entry_points

INSTALLED = any(entry.value == "harness.plugin" for entry in entry_points(group="pytest11"))
pytest_plugins = () if INSTALLED else ("harness.plugin",)
