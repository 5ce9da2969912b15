"""What can go wrong with collections and their records."""

from saas.core.errors import Invalid, NotFound


class UnknownCollection(NotFound):
    title = "There is no such collection"

    def __init__(self, name: str) -> None:
        super().__init__(f"There is no collection called {name[:60]}.", action=("All collections", "/collections"))


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
