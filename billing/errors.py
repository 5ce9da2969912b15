"""What can go wrong when somebody pays."""

from datetime import datetime
from http import HTTPStatus

from saas.core.errors import Invalid, NotFound, PlatformError, Unavailable

_PLANS = ("Plan and payments", "/billing")


class Conflict(PlatformError):
    status = HTTPStatus.CONFLICT


class UnknownPlan(Invalid):
    title = "There is no such plan"

    def __init__(self, *, fields: dict[str, str]) -> None:
        super().__init__(" ".join(fields.values()), fields=fields)


class BadQuantity(Invalid):
    title = "That number can't be bought"

    def __init__(self, message: str = "A workspace has one plan: leave the quantity at 1.") -> None:
        super().__init__(message, fields={"quantity": message})


class NoPayments(Unavailable):
    title = "Payments are not set up"

    def __init__(self) -> None:
        super().__init__("Whoever runs this site has not set up payments. Your workspace works as before.")


class StripeAway(Unavailable):
    title = "Payments can't be reached just now"

    def __init__(self) -> None:
        super().__init__(
            "Our payment provider does not answer. Nothing is lost: what it has done after all shows here as soon as it"
            " can be reached. Try again in a minute.",
            action=_PLANS,
            retry_after=60,
        )


class CardDeclined(PlatformError):
    status = HTTPStatus.PAYMENT_REQUIRED
    title = "The card was declined"

    def __init__(self, reason: str) -> None:
        self.reason = reason  # in Stripe's words
        super().__init__(f"{reason} Nothing was changed. Use another card, or ask your bank.", action=_PLANS)


class Refused(Conflict):
    title = "The payment provider refused that"

    def __init__(self, reason: str) -> None:
        super().__init__(f"{reason} Nothing was changed.", action=_PLANS)


class Missing(NotFound):
    title = "The payment provider does not know this"


class NoSubscription(Conflict):
    title = "There is no subscription"

    def __init__(self) -> None:
        super().__init__("This workspace pays for no plan at the moment. Choose one first.", action=_PLANS)


class NoGrant(Conflict):
    title = "No plan is granted"

    def __init__(self) -> None:
        super().__init__("This workspace has no plan that was given to it.")


class AlreadySubscribed(Conflict):
    title = "There is a subscription already"

    def __init__(self) -> None:
        super().__init__("This workspace has a plan already: change it instead of buying another.", action=_PLANS)


class SamePlan(Conflict):
    title = "That is your plan already"

    def __init__(self, name: str) -> None:
        super().__init__(f"This workspace is on {name} already. Nothing was changed.", action=_PLANS)


class Ending(Conflict):
    title = "The plan has been cancelled"

    def __init__(self, at: datetime) -> None:
        super().__init__(f"It ends on {at:%-d %B %Y}: resume it first, then change it.", action=_PLANS)


class InTrial(Conflict):
    title = "The trial has to be over first"

    def __init__(self) -> None:
        super().__init__("Until then use ends at what the plan includes. Nothing was changed.", action=_PLANS)


class StaleOffer(Conflict):
    title = "What was shown is not what it would cost now"

    def __init__(self) -> None:
        super().__init__("Nothing was changed: look at the price once more, and choose again.", action=_PLANS)


class Superseded(Conflict):
    title = "Another plan was chosen meanwhile"

    def __init__(self) -> None:
        super().__init__("Another tab started a payment for another plan. Nothing was charged here.", action=_PLANS)


class PayFirst(Conflict):
    title = "A payment is open"

    def __init__(self) -> None:
        message = "Pay what is open first: update the card. Then change the plan."
        super().__init__(message, action=("Pay what is open", "/billing/pay"))


class NoTrial(Conflict):
    title = "The trial has been used up"

    def __init__(self) -> None:
        super().__init__("There is one for each business. Nothing was changed: choose the plan again.", action=_PLANS)


class UnderWay(Conflict):
    title = "Somebody else is changing this just now"

    def __init__(self) -> None:
        super().__init__(
            "Nothing was changed: look at what they have done in a moment, and try again then.",
            action=_PLANS,
            retry_after=10,
        )


class NoSeats(Conflict):
    title = "This plan has no more seats"

    def __init__(self, plan: str, most: int) -> None:
        super().__init__(f"{plan} is for {most} people and no more: choose a larger plan.", action=_PLANS)


class StripeFailed(StripeAway):
    """Stripe has answered that it could not, and would say so again for a day when asked under the same key.

    https://docs.stripe.com/api/idempotent_requests
    """


class UsedKey(Conflict):
    title = "This form can't be used any more"

    def __init__(self) -> None:
        super().__init__(
            "It is a day old, or was for something else. Nothing was changed: reload the page and send it again."
        )


class OtherForm(Conflict):
    title = "This form was sent before with other words"

    def __init__(self) -> None:
        super().__init__("It may have been done as it was sent first: look at what is there, then open the form anew.")


class UnknownCheckout(NotFound):
    title = "There is no such payment"

    def __init__(self) -> None:
        super().__init__("This workspace has started no such payment.", action=_PLANS)


class UnknownEvent(NotFound):
    title = "There is no such event"

    def __init__(self, event_id: str) -> None:
        super().__init__(f"No event {event_id[:80]!r} of Stripe's has come here, or it was handled months ago.")


class UnknownInvoice(NotFound):
    title = "There is no such invoice"


class BadRefund(Invalid):
    title = "That can't be refunded"

    def __init__(self, message: str) -> None:
        super().__init__(f"{message} Nothing was refunded.", fields={"amount": message})


class BadUntil(Invalid):
    title = "That end can't be used"

    def __init__(self, message: str) -> None:
        super().__init__(message, fields={"until": message})


class BadCap(Invalid):
    title = "That cap can't be used"

    def __init__(self, message: str = "Write an amount such as 50 or 12.50, or 0 to stop at what is included.") -> None:
        super().__init__(message, fields={"cap": message})


class BadCode(Invalid):
    title = "That code can't be used"

    def __init__(self, reason: str = "") -> None:
        message = reason or "There is no such code, or its time is over. Look for a typing error. Nothing was changed."
        super().__init__(message, fields={"code": message})


class BadCredit(Invalid):
    title = "That credit can't be given"

    def __init__(self) -> None:
        message = "Give an amount above zero, and not a million."
        super().__init__(message, fields={"amount": message})


class BadPrice(Invalid):
    title = "That price can't be given"

    def __init__(self, most: str) -> None:
        message = f"Give an amount from zero up that is less than the plan's price, {most}."
        super().__init__(message, fields={"amount": message})


class BadMonths(Invalid):
    title = "That time is too short"

    def __init__(self) -> None:
        message = "These months are over before the next invoice, so that nothing would change: choose more of them."
        super().__init__(message, fields={"months": message})


class BadOverride(Invalid):
    title = "That limit can't be given"

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message, fields={field: message})


class NoOverride(Conflict):
    title = "That limit is the plan's own"

    def __init__(self) -> None:
        super().__init__("Nobody has overridden this limit of this workspace.")


class NoFlag(Conflict):
    title = "There is no such flag"

    def __init__(self) -> None:
        super().__init__("Nothing is left to be cleared: somebody has done it already.")


class BadWebhook(PlatformError):
    title = "That is no webhook of our payment provider"


class WebhookClosed(Unavailable):
    title = "No webhook is expected here"

    def __init__(self) -> None:
        super().__init__("STRIPE_WEBHOOK_SECRET is not set.")


class BadCatalogue(ValueError):
    """The file of the plans can't be used; the message says where and why."""
