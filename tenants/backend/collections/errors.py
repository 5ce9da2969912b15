"""What can go wrong with collections and their records."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import ProgrammingError

from saas.core.errors import Invalid, NotFound


class UnknownCollection(NotFound):
    title = "There is no such collection"

    def __init__(self, name: str) -> None:
        super().__init__(f"There is no collection called {name[:60]}.", action=("All collections", "/collections"))


@contextmanager
def unless_dropped(name: str) -> Iterator[None]:
    """Between the reading of a collection's entry and the use of its table somebody may drop it.

    Raises UnknownCollection.
    """
    try:
        yield
    except ProgrammingError as error:
        if getattr(error.orig, "pgcode", None) == "42P01":  # undefined_table
            raise UnknownCollection(name) from None
        raise


class UnknownRecord(NotFound):
    title = "There is no such record"


class CollectionExists(Invalid):
    title = "This name is taken"

    def __init__(self, name: str) -> None:
        super().__init__(fields={"name": f"There is a collection called {name} already. Choose another name."})


class BadCollection(Invalid):
    title = "This collection can't be made"


class BadRecord(Invalid):
    title = "Some of the values don't fit"
