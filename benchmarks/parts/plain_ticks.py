"""The configuration of RQ's schedulers, as `rq cron` takes it: a job at each full second."""

from rq.cron import register

from benchmarks.parts.plain_jobs import nothing

QUEUE = "ticks"

register(nothing, queue_name=QUEUE, cron="* * * * * *")
