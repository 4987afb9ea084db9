"""celery-harness: prove, by experiment, what a Celery configuration really guarantees."""
