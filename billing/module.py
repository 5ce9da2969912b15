"""What billing adds to every workspace."""

from billing import tasks as _tasks  # noqa: F401  registers its jobs
from billing.metering import tasks as _metering  # noqa: F401
from billing.pages import changes as _changes  # noqa: F401  on the same blueprint as the plans
from billing.pages import history as _history  # noqa: F401  and so are these
from billing.pages import paying, plans, seats, usage
from billing.pages import upcoming as _upcoming  # noqa: F401
from tenants.members import permissions
from tenants.modules import MenuEntry, Module

MODULE = Module(
    "billing",
    pages=(plans.blueprint, paying.blueprint, seats.blueprint, usage.blueprint),
    menu=(MenuEntry("billing", "Plan and payments", "billing.index", "card", permissions.BILLING_READ),),
)
