"""Walks the catalogue and compares it with what provisioning and the migrations make: `saas tenants audit`.

Each check is a query or two over the whole database, whatever the number of tenants, and yields what is out of place
with the command that mends it. The catalogue is readable by every role, so the administrator needs no more rights
than it has anyway. What can't be seen without a superuser is not judged: a password, which is of no use to a role
that can't log in.
"""

from tenants.isolation.proof.catalogue import Catalogue, Finding
from tenants.isolation.proof.walk import Proof, prove

__all__ = ["Catalogue", "Finding", "Proof", "prove"]
