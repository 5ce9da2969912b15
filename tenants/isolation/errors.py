"""What goes wrong when code reaches out of its tenant. None of these is meant for a visitor's eyes."""


class IsolationError(Exception):
    """A statement or a piece of code left the place it was bound to; the request ends as a server error."""


class StatementRefused(IsolationError):
    """The guard did not let a statement through."""


class AlreadyBound(IsolationError):
    """A context is entered for one tenant once; a second tenant, or a bind inside a savepoint, is a mistake."""


class NotBound(IsolationError):
    """The code needs a tenant and none is bound."""
