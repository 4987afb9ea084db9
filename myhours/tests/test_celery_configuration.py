"""The promises of `myhours.policy`, kept by the code that applies them: no broker, no Redis, no worker.

Messages go through kombu's memory transport, tasks through Celery's own tracer, and Redis is `fakeredis`,
so routes, retries, locks and dead letters are the real ones. What only real processes can show (killed
workers, hard limits, two brokers) is in celery-harness's scenarios.
"""

from tests.body_cases import Bodies, Logs
from tests.coordination_cases import Deduplication, RateLimit
from tests.dead_letter_cases import DeadLetters
from tests.policy_cases import Policy
from tests.retry_cases import Brake, Retries

__all__ = ["Bodies", "Brake", "DeadLetters", "Deduplication", "Logs", "Policy", "RateLimit", "Retries"]
