"""Tasks that send one mail each: carelessly, with a mark that says that it was sent, and without looking."""

from __future__ import annotations

import smtplib
from email.message import EmailMessage

import redis
from celery import Celery, Task

app = Celery("clerk", broker="redis://localhost:6379/0", backend="redis://localhost:6379/1")
app.conf.update(task_default_queue="mails", task_acks_late=True, broker_connection_retry_on_startup=True)


def tell(number: int) -> None:
    """One mail about one order."""
    message = EmailMessage()
    message["From"], message["To"] = "clerk@example.com", "customer@example.com"
    message["Subject"] = f"Order {number}"
    with smtplib.SMTP("localhost", timeout=10) as server:
        server.send_message(message)


@app.task(name="careless.tell", autoretry_for=(OSError,), retry_backoff=2, max_retries=8)
def careless(number: int) -> None:
    """Nothing says whether it was sent before."""
    tell(number)


@app.task(name="careful.tell", bind=True, autoretry_for=(OSError,), retry_backoff=2, max_retries=8)
def careful(self: Task, number: int) -> None:
    """A mark under the task's id, taken back where the mail was not sent."""
    with redis.Redis(host="localhost") as marks:
        if not marks.set(f"told-{self.request.id}", 1, nx=True):
            return
        try:
            tell(number)
        except OSError:
            marks.delete(f"told-{self.request.id}")
            raise


@app.task(name="shrugging.tell")
def shrugging(number: int) -> str:
    """Says that all is well, whatever came of it."""
    try:
        tell(number)
    except OSError:
        return "never mind"
    return "sent"
