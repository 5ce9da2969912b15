"""Whether modules fit into the application: checked as it starts, when everything else is in its place."""

import re
from collections.abc import Iterable

from flask import Flask
from werkzeug.routing import Rule

from tenants.members import permissions
from tenants.modules import Module, ModuleUnfit

API = "/api/v1"
_NAME = re.compile(r"[a-z][a-z0-9]{2,19}")  # no underscore, which ends it in the names of its tables


def check_name(module: Module, taken: Iterable[str]) -> None:
    if not _NAME.fullmatch(module.name):
        raise ModuleUnfit(f"{module.name!r} is no module's name: 3 to 20 small letters and digits, a letter first")
    if module.name in taken:
        raise ModuleUnfit(f"two modules are called {module.name}: rename one of them")


def check_blueprints(app: Flask, module: Module) -> None:
    taken = set(app.blueprints)
    for name in (blueprint.name for blueprint in (*module.pages, *module.api)):
        if name != module.name and not name.startswith(f"{module.name}_"):
            raise ModuleUnfit(f"{module.name}: the blueprint {name} needs a name that starts with {module.name}_")
        if name in taken:
            raise ModuleUnfit(f"{module.name}: there is a blueprint called {name} already; rename it")
        taken.add(name)


def check_routes(app: Flask, module: Module, before: list[Rule]) -> None:
    """Its addresses begin with its name, and nobody else's do."""
    pages, api, ours = f"/{module.name}", f"{API}/{module.name}", {id(rule) for rule in before}
    for rule in app.url_map.iter_rules():
        below = any(rule.rule == place or rule.rule.startswith(f"{place}/") for place in (pages, api))
        if id(rule) in ours:
            if below:
                raise ModuleUnfit(f"{module.name}: {rule.rule} is an address of ours; rename the module")
            continue
        place = api if _blueprint(rule) in {blueprint.name for blueprint in module.api} else pages
        if not (rule.rule == place or rule.rule.startswith(f"{place}/")):
            raise ModuleUnfit(f"{module.name}: {rule.rule} ({rule.endpoint}) has to lie below {place}")
        if _blueprint(rule) not in module.blueprints:
            raise ModuleUnfit(f"{module.name}: {rule.endpoint} stands outside of its blueprints, so nobody guards it")


def check_permissions(app: Flask, modules: Iterable[Module]) -> None:
    """No view of a workspace or of the API, ours or not, forgets to say what it asks for."""
    guarded = {name: module.name for module in modules for name in module.blueprints}
    with app.app_context():
        for rule in app.url_map.iter_rules():
            module = guarded.get(_blueprint(rule))
            if module and permissions.of_endpoint(rule.endpoint) is None:
                raise ModuleUnfit(f"{module}: {rule.endpoint} does not say which permission it needs; put @needs on it")


def check_menu(app: Flask, module: Module) -> None:
    plain = {rule.endpoint for rule in app.url_map.iter_rules() if not rule.arguments and "GET" in (rule.methods or ())}
    for entry in module.menu:
        if entry.endpoint not in plain:
            raise ModuleUnfit(f"{module.name}: the menu's {entry.label} leads to {entry.endpoint}, which is no page")


def _blueprint(rule: Rule) -> str:
    """The outermost one, whose checks run first."""
    return str(rule.endpoint).partition(".")[0]
