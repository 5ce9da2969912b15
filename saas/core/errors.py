"""Errors are named facts with a status; one handler renders them as JSON (RFC 9457) or as a page."""

from http import HTTPStatus


class PlatformError(Exception):
    """Something a person or program did that can't be done, told so that they can mend it.

    `detail` is shown to them as it is. `fields` maps a field's name to what is wrong with it. `action` is a link
    (label, path) that leads on.
    """

    status = HTTPStatus.BAD_REQUEST
    title = "That request can't be carried out"

    def __init__(
        self,
        detail: str = "",
        *,
        fields: dict[str, str] | None = None,
        action: tuple[str, str] | None = None,
        retry_after: int | None = None,  # seconds
    ) -> None:
        super().__init__(detail or self.title)
        self.detail = detail
        self.fields = fields or {}
        self.action = action
        self.retry_after = retry_after

    @property
    def code(self) -> str:
        """The error's stable name for programs, such as `unknown-record`."""
        name = type(self).__name__
        return "".join(f"-{c.lower()}" if c.isupper() else c for c in name).lstrip("-")


class NotFound(PlatformError):
    status = HTTPStatus.NOT_FOUND
    title = "There is nothing here"


class SignInNeeded(PlatformError):
    status = HTTPStatus.UNAUTHORIZED
    title = "Sign in first"


class Forbidden(PlatformError):
    status = HTTPStatus.FORBIDDEN
    title = "You may not do this"


class Invalid(PlatformError):
    status = HTTPStatus.UNPROCESSABLE_ENTITY
    title = "Some of the values can't be used"


class TooManyAttempts(PlatformError):
    status = HTTPStatus.TOO_MANY_REQUESTS
    title = "Too many attempts"


class Unavailable(PlatformError):
    status = HTTPStatus.SERVICE_UNAVAILABLE
    title = "Not available just now"


class AskedTooMuch(PlatformError):
    """Nobody's 503, which says that the server can't just now (RFC 9110, section 15.6.4), and which programs repeat.

    It is the status of what was understood and can't be carried out as it was asked (15.5.21).
    """

    status = HTTPStatus.UNPROCESSABLE_ENTITY
    title = "This request asked for more than one may"

    def __init__(self, what: str) -> None:
        super().__init__(
            f"{what} Nothing was changed. Ask for less at a time: the same request again is likely to end like this."
        )


class OutOfOrder(Unavailable):
    title = "This workspace is out of order"
