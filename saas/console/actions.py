"""What an operator can do to a tenant: each action says what it changes, and asks a reason."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from wtforms import Form

from saas.console.accounts import Account
from saas.console.forms import ReasonForm

Chosen = Mapping[str, Any]  # the data of an action's choice


@dataclass(frozen=True)
class Change:
    """One line of what an action changes, as people read it."""

    what: str
    before: str
    after: str
    sends: Mapping[str, str] = field(default_factory=dict)  # what the form gives back of what it showed


@dataclass(frozen=True)
class Order:
    """An action as it was asked for."""

    account: Account
    chosen: Chosen  # what was chosen, and what the page had shown of it
    form: Any  # the data of its form
    actor: str
    key: UUID  # of the form: the same when it is sent again

    @property
    def reason(self) -> str:
        return str(self.form["reason"])


@dataclass(frozen=True)
class Action:
    name: str  # in the URL and of its operation
    label: str  # "Suspend"
    says: str  # what it does and what not, in a sentence or two
    done: str  # told once it is done
    fits: Callable[[Account], bool]  # whether there is something to do now
    changes: Callable[[Account, Chosen], Sequence[Change]]  # what would change
    carry_out: Callable[[Order], None]  # raises PlatformError
    form: type[ReasonForm] = ReasonForm
    choice: Callable[[Account, Any], Form] | None = None  # a form of what is to be chosen first, from the URL
    harsh: bool = False  # whether it takes something away
