"""Celery's own code on virtual time: one process, many simulated processes, no real socket, no real second.

Everything in here runs inside a process of its own (``python -m harness.simulation``), whose clock is
replaced before anything else is imported. `harness/stages/simulated.py` talks to it.
"""
