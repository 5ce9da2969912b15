"""The back office, on the bare host, for operators."""

from uuid import UUID

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from billing.entitlement import dunning
from billing.money import shown
from billing.plans import catalog
from billing.why import explaining
from saas.console import (
    accounts,
    action_views,
    factor_views,
    history,
    isolation_views,
    jobs_views,
    listing,
    revenue_views,
    words,
)
from saas.console.door import actor, blueprint
from saas.console.forms import NoteForm
from saas.console.history import Event, Filter
from tenants import pool
from tenants.usage import limits
from tenants.usage import service as usage

__all__ = ["blueprint"]

# Which add their routes to the blueprint.
_PAGES_OF_ITS_OWN = (action_views, factor_views, isolation_views, jobs_views, revenue_views)
LONGEST_SEARCH = 100  # characters


@blueprint.get("")
def index() -> ResponseReturnValue:
    view = _view()
    rows, more = listing.tenants(view)
    return render_template(
        "console/index.html",
        view=view,
        tenants=rows,
        more=more,
        counts=listing.counts(view.search),
        flagged=listing.flags(view.search),
        pool=pool.standing(),
    )


@blueprint.get("/tenants/<tenant_id>")
def tenant(tenant_id: str) -> ResponseReturnValue:
    return _tenant_page(tenant_id, NoteForm(formdata=None)), 200


@blueprint.post("/tenants/<tenant_id>/notes")
def add_note(tenant_id: str) -> ResponseReturnValue:
    form = NoteForm()
    if not form.validate():
        return _tenant_page(tenant_id, form), 422
    accounts.add_note(tenant_id, form.text.data or "", actor())
    flash("The note is kept.", "success")
    return redirect(url_for("console.tenant", tenant_id=tenant_id), 303)


@blueprint.get("/audit")
def audit() -> ResponseReturnValue:
    wanted = Filter(**{name: _text(name) for name in ("tenant", "actor", "action")})
    events, further = history.audit(wanted, _before())
    return render_template("console/audit.html", wanted=wanted, events=events, names=_names(events), further=further)


def _tenant_page(tenant_id: str, note: NoteForm) -> str:
    account = accounts.get(tenant_id)
    events, further = history.timeline(account.id, _before())
    return render_template(
        "console/tenant.html",
        account=account,
        plan_name=catalog.name_of,
        money=shown,
        actions=action_views.possible(account),
        people=accounts.people(account.id),
        meters=usage.meters(account.id),
        step=dunning.next_step(account.id),
        limit=limits.get,
        allowance=words.allowance,
        why=explaining.explain(account.id, most=5),
        events=events,
        names=accounts.names([*(one.author for one in account.overrides), *(event.actor for event in events)]),
        further=further,
        f=note,
    )


def _names(events: list[Event]) -> dict[str, str]:
    return accounts.names(event.actor for event in events)


def _view() -> listing.View:
    """What the URL asks for; what it can't ask for is as usual."""
    sort, page = _text("sort"), _text("page")
    return listing.View(
        search=_text("q"),
        status=_text("status"),
        sort=sort if sort.removeprefix("-") in listing.SORTS else listing.View.sort,
        page=min(int(page), listing.MOST_PAGES) if page.isdecimal() and int(page) > 0 else 1,
    )


def _text(name: str) -> str:
    return request.args.get(name, "").strip()[:LONGEST_SEARCH]


def _before() -> UUID | None:
    try:
        return UUID(_text("before"))
    except ValueError:
        return None
