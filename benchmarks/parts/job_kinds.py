"""Jobs that do next to nothing."""

import time

from saas.core.jobs import handler

NOTHING, NAP = "bench.nothing", "bench.nap"
NAP_SECONDS = 0.05


@handler(NOTHING, scope="tenant")
def nothing(_number: int) -> None:
    """As quick as a job can be."""


@handler(NAP, scope="tenant")
def nap(_number: int) -> None:
    time.sleep(NAP_SECONDS)
