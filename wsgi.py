"""The web process: `granian --interface wsgi wsgi:app`."""

from saas.app import create_app
from saas.core.observability import configure_logging
from saas.core.orphans import die_with_parent
from saas.core.settings import SettingsError, load
from tenants.isolation import enforcement
from tenants.modules import ModuleUnfit

die_with_parent()
try:
    settings = load()
    configure_logging(settings)
    app = create_app(settings)
    enforcement.require(app)
except SettingsError as error:
    raise SystemExit(f"The settings are not complete:\n{error}") from None
except ModuleUnfit as error:
    raise SystemExit(f"A module can't be added:\n{error}") from None
except enforcement.Unenforced as error:
    raise SystemExit(f"Production does not start on this database (docs/postgres.md):\n{error}") from None
