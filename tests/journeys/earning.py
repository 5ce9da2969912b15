"""A year of revenue as the back office has to show it."""

from tests.journeys.states import LONG
from tests.support.books import OPEN, Books, at


def year(made: Books) -> None:
    """Up to November 2026, with trials and failed payments; the first business has a long name."""
    for n in range(9):
        tenant = made.tenant(f"Shop {n}" if n else LONG.business)
        paid = made.pays(tenant, f"2026-0{n + 1}-05", 4900 if n % 3 else 1900, "growth" if n % 3 else "starter")
        if n % 2:
            made.becomes(paid, f"2026-{10 + n % 4 // 2}-10", 5300 + 100 * n, "growth")
        elif n % 4 == 0:
            made.becomes(paid, "2026-11-09", 1500, "starter")
        else:
            made.leaves(paid, "2026-10-20")
            made.pays(tenant, "2026-11-02", 4900, "growth")
        late = {"failed": True, "attempts": 2, "paid_at": at("2026-11-20")}
        made.invoice(paid, f"2026-11-{n + 10}", **(OPEN if n % 2 else late))
        trial = made.subscribe(tenant, trial_end=at("2026-11-03"), status="paused" if n % 4 else "active")
        if n % 4 == 0:
            made.invoice(trial, "2026-11-03 01:00")
