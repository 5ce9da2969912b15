"""How one stand-in was started."""

from dataclasses import dataclass
from pathlib import Path

from billing.sandbox.waits import LIKE_STRIPE

DAY = 86_400


@dataclass(frozen=True)
class Config:
    """All times are in seconds."""

    state: Path
    public_url: str  # the origin of its pages and API, without a slash at the end
    webhook: str | None = None  # receives the events of each key that has registered no endpoint
    webhook_secret: str | None = None
    delivery_retries: tuple[float, ...] = LIKE_STRIPE  # waits after failed deliveries
    delivery_timeout: float = 10.0
    payment_retries: tuple[int, ...] = (3 * DAY, 5 * DAY, 7 * DAY)  # waits after failed payments of an invoice
    after_retries: str = "cancel"  # or "unpaid", "past_due"
