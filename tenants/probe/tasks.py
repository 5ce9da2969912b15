"""The probe's periodic job."""

from uuid import UUID

import structlog

from saas.core.jobs import handler
from tenants.probe import reports, service
from tenants.probe.outcomes import Outcome
from tenants.probe.service import Report

log = structlog.get_logger()


def _probe(_job: UUID) -> Report:
    """It makes requests and transactions of its own, hence `outside`."""
    return service.run()


@handler("isolation.probe", queue="slow", limit_seconds=180, max_tries=3, every=reports.EVERY, outside=_probe)
def probe(report: Report) -> None:
    reports.keep(report)
    crossed, blind = report.count(Outcome.CROSSED), report.count(Outcome.BLIND)
    say = log.error if crossed else log.warning if blind else log.info
    say("isolation.probed", attempts=len(report.attempts), crossed=crossed, blind=blind)
