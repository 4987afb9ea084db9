"""The myhours project: `myhours.celery` is the app to copy, `myhours.documented` the one to learn from."""
