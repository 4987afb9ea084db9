"""The commands of ``celery-harness``: one file each, which defines `command`, registered nowhere else."""
