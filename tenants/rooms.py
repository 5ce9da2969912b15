"""What the tenants' part adds to the application: routes, and the checks before them."""

from collections.abc import Iterable
from typing import Any

from flask import Flask

from saas.core import identity, observability
from saas.core.edge import csrf
from saas.core.settings import Settings
from tenants import entry, fitting, home, pool, routing, suspension, tasks  # noqa: F401  tasks registers its jobs
from tenants.backend.api import access, rest
from tenants.backend.api.gate import Gate
from tenants.backend.collections import views as collections
from tenants.backend.keys import views as keys
from tenants.jobs import views as jobs
from tenants.members import permissions
from tenants.members import service as members
from tenants.modules import ADDED, MenuEntry, Module, ModuleUnfit
from tenants.probe import reports
from tenants.probe import tasks as _probe_tasks  # noqa: F401
from tenants.team import joining
from tenants.team import views as team
from tenants.usage import bounds, flows, over, throttle
from tenants.usage import tasks as _usage_tasks  # noqa: F401
from tenants.usage.limits import SEATS

_KEY = "freehold.menu"
_OURS = "freehold.rooms"

OURS = (
    Module(
        "home",
        pages=(home.blueprint,),
        menu=(
            MenuEntry("home", "Home", "workspace.home", "home", permissions.WORKSPACE_OPEN),
            MenuEntry("usage", "Usage", "workspace.meters", "gauge", permissions.USAGE_READ),
        ),
    ),
    Module(
        "collections",
        pages=(collections.blueprint,),
        api=(rest.blueprint,),
        menu=(MenuEntry("collections", "Collections", "collections.index", "table", permissions.RECORDS_READ),),
    ),
    Module(
        "keys",
        pages=(keys.blueprint,),
        menu=(MenuEntry("keys", "API keys", "keys.index", "key", permissions.KEYS_MANAGE),),
    ),
    Module(
        "jobs",
        pages=(jobs.blueprint,),
        menu=(MenuEntry("jobs", "Jobs", "jobs.index", "clock", permissions.JOBS_READ),),
    ),
    Module(
        "team",
        pages=(team.blueprint,),
        menu=(MenuEntry("team", "Team", "team.index", "people", permissions.TEAM_READ),),
    ),
)


def init_app(app: Flask, more: Iterable[Module] = ()) -> None:
    """Install our own rooms and `more` modules, in the order of their menu entries."""
    routing.init_app(app)
    flows.init_app(app)
    app.extensions["freehold.tenant_standing"] = suspension.standing
    app.extensions["freehold.jobs_at_once"] = bounds.jobs_at_once
    settings: Settings = app.extensions["freehold.settings"]
    throttle.init_app(app, settings)
    app.wsgi_app = Gate(app, settings)  # type: ignore[method-assign]
    observability.measure(app, reports.measure)
    observability.measure(app, pool.measures)
    observability.measure(app, throttle.measures)
    app.register_blueprint(entry.site)
    app.register_blueprint(entry.blueprint)
    app.register_blueprint(joining.blueprint)
    app.extensions[_KEY] = []
    app.extensions[_OURS] = (*OURS, *more)
    for module in app.extensions[_OURS]:
        _install(app, module)
    app.context_processor(lambda: _context(app.extensions[_KEY]))


def add(app: Flask, modules: Iterable[Module]) -> None:
    """Install the modules of whoever runs this, behind everything of ours. Raises ModuleUnfit."""
    rooms, installed = app.extensions[_OURS], list[Module]()
    for module in modules:
        fitting.check_name(module, (known.name for known in (*rooms, *installed)))
        fitting.check_blueprints(app, module)
        before = list(app.url_map.iter_rules())
        try:
            _install(app, module)
        except (ValueError, AssertionError) as error:  # as Flask says of endpoints that clash
            raise ModuleUnfit(f"{module.name}: {error}") from error
        fitting.check_routes(app, module, before)
        fitting.check_menu(app, module)
        installed.append(module)
    fitting.check_permissions(app, (*rooms, *installed))
    app.extensions[ADDED] = tuple(installed)


def _install(app: Flask, module: Module) -> None:
    for blueprint in module.pages:
        app.register_blueprint(blueprint)
        _before(app, blueprint.name, routing.enter)
    for blueprint in module.api:
        app.register_blueprint(blueprint, url_prefix=fitting.API + (blueprint.url_prefix or ""))
        csrf.exempt(blueprint)  # the API takes no cookies
        _before(app, blueprint.name, access.authenticate)
    app.extensions[_KEY].extend(module.menu)


def _before(app: Flask, blueprint: str, check: Any) -> None:
    """First of all that runs before the blueprint's views, whatever it registers itself."""
    app.before_request_funcs.setdefault(blueprint, []).insert(0, check)


def _context(menu: list[MenuEntry]) -> dict[str, Any]:
    """For templates: what the role of whoever asks may do, the menu made of that, and why it may be less than usual."""
    here = identity.current()
    role = here.role
    return {
        "unseated": over.now(SEATS) if here.unseated else None,
        "workspace_names": members.names,
        "may": lambda name: permissions.may(role, name),
        "menu": [entry for entry in menu if permissions.may(role, entry.permission)],
    }
