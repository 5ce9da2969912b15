"""The test cards that Stripe documents, by number and by token, and what happens to each."""

from dataclasses import dataclass
from datetime import UTC, datetime

from billing.sandbox.errors import CardDeclined


@dataclass(frozen=True)
class Decline:
    code: str
    decline_code: str | None
    message: str

    def error(self, **extra: object) -> CardDeclined:
        more = {"decline_code": self.decline_code} if self.decline_code else {}
        return CardDeclined(self.message, self.code, _PARAMS.get(self.code), **more, **extra)


@dataclass(frozen=True)
class Card:
    number: str
    brand: str
    tokens: tuple[str, ...]
    says: str  # for the list on the Checkout page
    on_attach: Decline | None = None
    on_charge: Decline | None = None
    secure: str | None = None  # 3-D Secure: "once" to set it up, or "always"
    disputed: bool = False  # soon after each payment
    funding: str = "credit"
    country: str = "US"

    @property
    def last4(self) -> str:
        return self.number[-4:]


_PARAMS = {
    "incorrect_number": "number",
    "invalid_number": "number",
    "expired_card": "exp_month",
    "incorrect_cvc": "cvc",
}

DECLINED = Decline("card_declined", "generic_decline", "Your card was declined.")
NO_FUNDS = Decline("card_declined", "insufficient_funds", "Your card has insufficient funds.")
EXPIRED = Decline("expired_card", None, "Your card has expired.")
BAD_CVC = Decline("incorrect_cvc", None, "Your card's security code is incorrect.")
PROCESSING = Decline(
    "processing_error", None, "An error occurred while processing your card. Try again in a little bit."
)
UNAUTHENTICATED = Decline(
    "authentication_required",
    "authentication_required",
    "Your card was declined. This transaction requires authentication.",
)
FAILED_CHALLENGE = Decline(
    "payment_intent_authentication_failure",
    None,
    "We are unable to authenticate your payment method. Please choose a different payment method and try again.",
)


def _declined(number: str, token: str, decline: Decline, says: str) -> Card:
    return Card(number, "visa", (token, token.replace("pm_card_", "pm_card_visa_")), says, decline, decline)


CARDS = (
    Card("4242424242424242", "visa", ("pm_card_visa",), "succeeds"),
    Card("4000056655665556", "visa", ("pm_card_visa_debit",), "succeeds, debit", funding="debit"),
    Card("5555555555554444", "mastercard", ("pm_card_mastercard",), "succeeds"),
    Card("378282246310005", "amex", ("pm_card_amex",), "succeeds"),
    Card("4000002760000016", "visa", ("pm_card_de",), "succeeds, from Germany", country="DE"),
    _declined("4000000000000002", "pm_card_chargeDeclined", DECLINED, "is declined"),
    _declined("4000000000009995", "pm_card_chargeDeclinedInsufficientFunds", NO_FUNDS, "has insufficient funds"),
    _declined("4000000000000069", "pm_card_chargeDeclinedExpiredCard", EXPIRED, "has expired"),
    _declined("4000000000000127", "pm_card_chargeDeclinedIncorrectCvc", BAD_CVC, "has another security code"),
    _declined("4000000000000119", "pm_card_chargeDeclinedProcessingError", PROCESSING, "meets an error"),
    Card(
        "4000000000000341", "visa", ("pm_card_chargeCustomerFail",), "is accepted, but payments fail later",
        on_charge=DECLINED,
    ),
    Card(
        "4000002500003155", "visa", ("pm_card_authenticationRequiredOnSetup",), "asks for 3-D Secure the first time",
        secure="once",
    ),
    Card(
        "4000002760003184", "visa", ("pm_card_authenticationRequired",), "asks for 3-D Secure each time",
        secure="always", country="DE",
    ),
    Card("4000000000000259", "visa", ("pm_card_createDispute",), "succeeds and is disputed", disputed=True),
)  # fmt: skip

_BY_NUMBER = {card.number: card for card in CARDS}
_BY_TOKEN = {token: card for card in CARDS for token in card.tokens}


def by_number(number: str) -> Card:
    """A known card, or one that succeeds: Stripe's test mode refuses those, the stand-in has no list of all."""
    return _BY_NUMBER.get(number) or Card(number, _brand(number), (), "succeeds")


def by_token(token: str) -> Card | None:
    return _BY_TOKEN.get(token) or _BY_TOKEN.get(token.replace("tok_", "pm_card_", 1))


def problem(number: str, month: int | None, year: int | None, cvc: str | None) -> tuple[str, Decline] | None:
    """The field that is wrong and why, as Stripe's form would say before it asks the bank."""
    if not number.isdigit() or not 12 <= len(number) <= 19 or not _luhn(number):
        return "number", Decline("incorrect_number", None, "Your card number is incorrect.")
    if month is None or not 1 <= month <= 12:
        return "exp_month", Decline("invalid_expiry_month", None, "Your card's expiration month is invalid.")
    today = datetime.now(UTC)
    if year is None or not today.year <= year <= today.year + 50:
        return "exp_year", Decline("invalid_expiry_year", None, "Your card's expiration year is invalid.")
    if (year, month) < (today.year, today.month):
        return "exp_month", Decline("invalid_expiry_month", None, "Your card's expiration month is invalid.")
    digits = 4 if _brand(number) == "amex" else 3
    if cvc is not None and not (cvc.isdigit() and len(cvc) == digits):
        return "cvc", Decline("invalid_cvc", None, "Your card's security code is invalid.")
    return None


def _luhn(number: str) -> bool:
    digits = [int(digit) for digit in reversed(number)]
    doubled = [digit * 2 - 9 if digit > 4 else digit * 2 for digit in digits[1::2]]
    return (sum(digits[::2]) + sum(doubled)) % 10 == 0


def _brand(number: str) -> str:
    for brand, starts in (
        ("amex", ("34", "37")),
        ("mastercard", ("51", "52", "53", "54", "55", "2")),
        ("visa", ("4",)),
    ):
        if number.startswith(starts):
            return brand
    return "unknown"
