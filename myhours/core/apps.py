"""Django's view of the core app."""

from django.apps import AppConfig


class CoreConfig(AppConfig):
    """Core of myhours."""

    name = "core"

    def ready(self) -> None:
        """Make the Celery app current, so that a web request publishes to the same broker as a worker."""
        from importlib import import_module

        from django.conf import settings

        import_module(settings.MYHOURS_CELERY_APP)
