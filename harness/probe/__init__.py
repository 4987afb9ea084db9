"""What runs inside the app under test: client, worker and child; standard library and Celery only.

`boot` is the way in: it reads the stage's orders from the file that ``CELERY_HARNESS_PROBE`` names,
puts the interlock in place, connects the recorder, and then hands over to Celery's own command line.
The app's code and its repository stay as they are.
"""
