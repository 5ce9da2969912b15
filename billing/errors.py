"""What can go wrong when somebody pays."""

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
    title = "A plan is bought once"

    def __init__(self) -> None:
        message = "A workspace has one plan: leave the quantity at 1."
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


class Superseded(Conflict):
    title = "Another plan was chosen meanwhile"

    def __init__(self) -> None:
        super().__init__("Another tab started a payment for another plan. Nothing was charged here.", action=_PLANS)


class PayFirst(Conflict):
    title = "A payment is open"

    def __init__(self) -> None:
        super().__init__("Pay what is open first: update the card. Then change the plan.", action=_PLANS)


class UsedKey(Conflict):
    title = "This form can't be used any more"

    def __init__(self) -> None:
        super().__init__(
            "It is a day old, or was for something else. Nothing was changed: reload the page and send it again."
        )


class UnknownCheckout(NotFound):
    title = "There is no such payment"

    def __init__(self) -> None:
        super().__init__("This workspace has started no such payment.", action=_PLANS)


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


class BadWebhook(PlatformError):
    title = "That is no webhook of our payment provider"


class WebhookClosed(Unavailable):
    title = "No webhook is expected here"

    def __init__(self) -> None:
        super().__init__("STRIPE_WEBHOOK_SECRET is not set.")
