"""The application: a table of contents."""

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from billing.inbox import webhook
from billing.module import MODULE as BILLING
from billing.pages.selling import SELLING
from migrations import fleet
from saas.accounts import account
from saas.accounts import tasks as _account_tasks  # noqa: F401
from saas.accounts import views as accounts
from saas.console import views as console
from saas.core import database, development, edge, headers, hosts, identity, observability, pages, problems
from saas.core.jobs import tasks as _job_tasks  # noqa: F401  each `tasks` registers its room's jobs
from saas.core.mail import tasks as _mail_tasks  # noqa: F401
from saas.core.settings import Settings, load
from saas.devstack.demo import tasks as _demo_tasks  # noqa: F401
from saas.signup import views as signup
from tenants import discovery, gone, isolation, rooms, selling
from tenants.isolation import enforcement


def create_app(settings: Settings | None = None) -> Flask:
    """Build the application.

    Raises SettingsError, which names each variable that is missing or wrong, and ModuleUnfit, which names a module.
    """
    settings = settings or load()
    app = database.Application("saas", static_url_path="/static")
    app.debug = settings.debug
    app.config["STATEMENT_TIMEOUT_MS"] = settings.statement_timeout_ms
    app.extensions["freehold.settings"] = settings
    app.extensions["freehold.bind"] = isolation.bind
    app.extensions["freehold.bound"] = isolation.bound
    app.extensions["freehold.gone"] = gone.answer
    app.extensions[selling.KEY] = SELLING

    edge.init_app(app, settings)
    database.init_app(app, settings, isolation.Connection)
    enforcement.init_app(app, settings)
    identity.init_app(app)
    rooms.init_app(app, (BILLING,))
    for room in (signup, accounts, account, console, webhook):
        app.register_blueprint(room.blueprint)
    if not settings.production:
        development.init_app(app)
    observability.init_app(app)
    headers.init_app(app, settings)
    problems.init_app(app)
    pages.init_app(app)
    rooms.add(app, discovery.discover(settings.modules_dir))
    fleet.init_app(app)

    if settings.trusted_proxies:
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]
            app.wsgi_app, x_for=settings.trusted_proxies, x_proto=settings.trusted_proxies, x_host=0
        )
    if not settings.production:
        app.wsgi_app = hosts.PathWorkspaces(app.wsgi_app)  # type: ignore[method-assign]
    return app


def main() -> None:
    """The `saas` command."""
    from saas import cli  # which no other process needs

    cli.main(obj=create_app, prog_name="saas")


if __name__ == "__main__":
    main()
