"""``manage.py deadletters``: see dead letters, send them again, remove them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from core import replay, spool
from core.models import DeadLetter


class Command(BaseCommand):
    """List, show, replay and purge dead letters."""

    help = "See the tasks that failed for good, send them again, remove them."

    def add_arguments(self, parser: CommandParser) -> None:
        """The four subcommands."""
        commands = parser.add_subparsers(dest="command", required=True)
        listing = commands.add_parser("list", help="what is waiting (replayed ones with --all)")
        listing.add_argument("--all", action="store_true")
        for name, text in (("show", "all of one letter"), ("replay", "send it again, once")):
            command = commands.add_parser(name, help=text)
            command.add_argument("task_id")
        purge = commands.add_parser("purge", help="remove letters older than the retention time, for good")
        purge.add_argument("--days", type=int, default=settings.DEAD_LETTER_RETENTION_DAYS)
        purge.add_argument("--yes", action="store_true", help="do it; without this they are counted")
        purge.add_argument("--unalerted", action="store_true", help="also those that no mail has warned of")

    def handle(self, *_: Any, **options: Any) -> None:
        """Run one subcommand."""
        spool.file_all()
        getattr(self, f"_{options['command']}")(options)

    def _list(self, options: dict[str, Any]) -> None:
        letters = DeadLetter.objects.all() if options["all"] else DeadLetter.objects.filter(replayed_at=None)
        for letter in letters.iterator():
            self.stdout.write(
                f"{letter.created_at:%Y-%m-%d %H:%M:%S}  {letter.task_id}  {letter.name or '?'}"
                f"  {letter.reason}  {letter.error[:80]}"
            )

    def _show(self, options: dict[str, Any]) -> None:
        letter = self._get(options["task_id"])
        for field in DeadLetter._meta.fields:
            self.stdout.write(f"{field.name}: {getattr(letter, field.name)}")

    def _replay(self, options: dict[str, Any]) -> None:
        self._get(options["task_id"])
        try:
            self.stdout.write(f"sent as {replay.replay(options['task_id'])}")
        except replay.NotReplayable as error:
            raise CommandError(str(error)) from error

    def _purge(self, options: dict[str, Any]) -> None:
        letters = DeadLetter.objects.filter(created_at__lt=timezone.now() - timedelta(days=options["days"]))
        if not options["unalerted"]:
            letters = letters.exclude(retention_alerted_at=None)
        if not options["yes"]:
            self.stdout.write(f"{letters.count()} letters would go; add --yes to remove them")
            return
        self.stdout.write(f"{letters.delete()[0]} letters removed")

    def _get(self, task_id: str) -> DeadLetter:
        try:
            return DeadLetter.objects.get(task_id=task_id)
        except DeadLetter.DoesNotExist:
            raise CommandError(
                f"There is no dead letter {task_id}; see: manage.py deadletters list --all"
            ) from None
