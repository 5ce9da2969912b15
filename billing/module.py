"""What billing adds to every workspace."""

from billing import tasks as _tasks  # noqa: F401  registers its jobs
from billing import views
from tenants.members import permissions
from tenants.modules import MenuEntry, Module

MODULE = Module(
    "billing",
    pages=(views.blueprint,),
    menu=(MenuEntry("billing", "Plan and payments", "billing.index", "card", permissions.BILLING_READ),),
)
