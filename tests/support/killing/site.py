"""What granian's worker loads, as `wsgi.py` is: the application that the nursery built before its fork."""

from saas.core.orphans import die_with_parent
from tests.support.killing.views import planted

die_with_parent()
app = planted[0]
