"""What a plan has or has not: a view says which feature it is part of."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from flask import current_app

from tenants.errors import FeatureMissing
from tenants.usage import limits
from tenants.usage.limits import Limit

_MARK = "freehold_feature"  # the attribute of a view function

View = TypeVar("View", bound=Callable[..., Any])


def needs_feature(feature: Limit) -> Callable[[View], View]:
    """Say which feature a view of a workspace or of the API is part of; tenants without it are refused."""

    def mark(view: View) -> View:
        setattr(view, _MARK, feature)
        return view

    return mark


def check(endpoint: str, allowances: Mapping[str, int | None]) -> None:
    """Raises FeatureMissing unless limits (as in `tenants.limits`) have the feature of the view behind an endpoint."""
    feature: Limit | None = getattr(current_app.view_functions.get(endpoint), _MARK, None)
    if feature and not limits.has(allowances, feature):
        raise FeatureMissing(feature.label)
