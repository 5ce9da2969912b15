"""Which queues there are; a worker listens on exactly one."""

from typing import Literal

Queue = Literal["fast", "slow", "webhooks"]
QUEUES: tuple[Queue, ...] = ("fast", "slow", "webhooks")
