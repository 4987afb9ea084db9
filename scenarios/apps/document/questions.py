"""What a scenario asks of a running app, from inside its client process; answers are plain data."""

import warnings

from celery import current_app
from kombu import Queue


def registered(attribute):
    """What each worker says of each of its tasks: ``{node: {task: value}}``."""
    found = {}
    with current_app.connection_for_write() as connection:
        answers = current_app.control.inspect(timeout=3, connection=connection).registered(attribute) or {}
    for node, lines in answers.items():
        pairs = (line.rstrip("]").partition(f" [{attribute}=") for line in lines)
        found[node] = {name: None if value in {"", "None"} else value for name, _, value in pairs}
    return found


def stats():
    """What each worker says of its pool."""
    with current_app.connection_for_write() as connection:
        answers = current_app.control.inspect(timeout=3, connection=connection).stats() or {}
    return {node: found["pool"] for node, found in answers.items()}


def ping():
    """The nodes that answer, and how many answers there were."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with current_app.connection_for_write() as connection:
            answers = current_app.control.ping(timeout=3, connection=connection)
    nodes = sorted({node for answer in answers for node in answer})
    return {"nodes": nodes, "answers": len(answers), "warned": [str(each.message)[:200] for each in caught]}


def fill(queue, count):
    """Put messages in Celery's format into a queue, as fast as the broker takes them."""
    with current_app.producer_pool.acquire() as producer:
        current_app.amqp.queues[queue](producer.channel).declare()
        for number in range(count):
            producer.publish(
                [["id", "error", "traceback"], {}, {}],
                exchange="", routing_key=queue, serializer="json",
                headers={"id": f"fill-{number}", "task": "core.tasks.process_dead_letter", "lang": "py"},
            )  # fmt: skip
        producer.channel.queue_declare(queue, passive=True)  # answered when all of it has arrived


def redeclare(queue, arguments):
    """Declare a queue with other arguments; what the broker said, or None where it took them."""
    exact = current_app.amqp.queues[queue]
    with current_app.connection_for_write() as connection:
        try:
            Queue(queue, exact.exchange, routing_key=exact.routing_key, queue_arguments=arguments)(
                connection.channel()
            ).declare()
        except connection.channel_errors as error:
            return f"{type(error).__name__}: {error}"[:200]
    return None


def publish(exchange, routing_key):
    """Publish past Celery, as another service would, through an exchange."""
    queues = [queue for queue in current_app.amqp.queues.values() if queue.exchange.name == exchange]
    with current_app.producer_pool.acquire() as producer:
        for queue in queues:
            queue(producer.channel).declare()
        producer.publish([[], {}, {}], exchange=exchange, routing_key=routing_key, serializer="json")


def publish_raw(queue, body, headers, content_type="application/json"):
    """Put any message into a queue, as a program that is no Celery would."""
    with current_app.producer_pool.acquire() as producer:
        producer.publish(
            body, exchange="", routing_key=queue, headers=headers,
            content_type=content_type, content_encoding="utf-8",
        )  # fmt: skip


def depth(queue):
    """How many messages wait in a queue."""
    with current_app.connection_for_write() as connection:
        try:
            return connection.channel().queue_declare(queue, passive=True).message_count
        except connection.channel_errors:  # Redis has no empty queues
            return 0


def purge(queue):
    """Empty a queue."""
    with current_app.connection_for_write() as connection:
        return connection.channel().queue_purge(queue)


def result(task_id):
    """A stored result as the backend gives it."""
    meta = current_app.backend.get_task_meta(task_id)
    return {key: str(value)[:200] for key, value in meta.items()}


def shell(code):
    """The value of an expression, as ``manage.py shell -c`` would have it."""
    return str(eval(code, {"app": current_app}))  # noqa: S307 - the expression is the scenario's own
