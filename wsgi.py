"""The web process: `granian --interface wsgi wsgi:app`."""

from saas.app import create_app
from saas.core.observability import configure_logging
from saas.core.orphans import die_with_parent
from saas.core.settings import SettingsError, load
from tenants.modules import ModuleUnfit

die_with_parent()
try:
    settings = load()
except SettingsError as error:
    raise SystemExit(f"The settings are not complete:\n{error}") from None
configure_logging(settings)
try:
    app = create_app(settings)
except ModuleUnfit as error:
    raise SystemExit(f"A module can't be added:\n{error}") from None
