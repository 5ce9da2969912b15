"""The web process: `granian --interface wsgi wsgi:app`."""

from saas.app import create_app
from saas.core.observability import configure_logging
from saas.core.orphans import die_with_parent
from saas.core.settings import load

die_with_parent()
settings = load()
configure_logging(settings)
app = create_app(settings)
