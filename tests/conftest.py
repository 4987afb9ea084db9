"""Hypothesis judges what is computed, not how fast: on a busy machine an example may take its time."""

from hypothesis import HealthCheck, settings

settings.register_profile("patient", settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")
