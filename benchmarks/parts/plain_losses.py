"""How many jobs plain RQ does not do, does twice, leaves lying about, and loses for ever, when its workers die."""

from rq import Retry

from benchmarks.figures import Figure, Part
from benchmarks.parts import plain_crew
from benchmarks.parts.plain_rq import Ground
from benchmarks.parts.plain_storm import APART, SEED, Outcome, Storm

_RETRIES = 3
_ONE, _TWO = ("fast",), ("fast", "slow")


def measure(ground: Ground, hits: int) -> Part:
    careless, careful = Storm(ground, _ONE, None, hits), Storm(ground, _ONE, Retry(_RETRIES), hits)
    figures = [
        *_figures("killed -9, no Retry", careless.run(plain_crew.kill_any)),
        *_figures("killed -9, Retry", careful.run(plain_crew.kill_any)),
        *_cleaned("killed -9, Retry", careful),
    ]
    for name, hit in (("killed -9", plain_crew.kill), ("SIGTERM", plain_crew.tell)):
        lost = Storm(ground, _TWO, Retry(_RETRIES), hits).run(hit).lost
        figures.append(Figure(f"two queues, {name}, Retry: lost for ever", lost, "jobs"))
    return Part(figures, _how(hits))


def _how(hits: int) -> str:
    return (
        f"Losses: {hits * APART:,} jobs that add a line to a file, by {plain_crew.WORKERS} stock workers that fork, "
        f"each time with {hits} hits at random moments (seed {SEED}): the worker, the process that does its job, or "
        "both by -9, and on two queues both by -9 or the worker by SIGTERM; each is replaced at once. What is left "
        "nobody does when the queue has been empty for a while; RQ looks after it in its cleaning, every 10 minutes, "
        "and marks what has no Retry as failed. After its cleaning means after two of them, which are made to think "
        "that an hour has passed each time."
    )


def _figures(name: str, outcome: Outcome) -> list[Figure]:
    return [
        Figure(f"{name}: not run", outcome.never, "jobs"),
        Figure(f"{name}: run more than once", outcome.again, "jobs"),
        Figure(f"{name}: left in the intermediate list", outcome.taken, "jobs"),
        Figure(f"{name}: left as started", outcome.started, "jobs"),
    ]


def _cleaned(name: str, storm: Storm) -> list[Figure]:
    """Of two cleanings the first only notes what lies in the intermediate list."""
    storm.clean()
    outcome = storm.clean()
    return [
        Figure(f"{name}, after RQ's cleaning: not run", outcome.never, "jobs"),
        Figure(f"{name}, after RQ's cleaning: run more than once", outcome.again, "jobs"),
    ]
