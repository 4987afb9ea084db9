"""Tests of myhours; `scenarios/` of celery-harness puts the same promises to the test on real workers."""
