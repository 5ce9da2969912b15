"""The businesses and their hosts, as django-tenants asks for them."""

from django.contrib.auth.models import User
from django.db import models
from django_tenants.models import DomainMixin, TenantMixin


class Client(TenantMixin):
    name = models.CharField(max_length=120)
    auto_create_schema = True


class Domain(DomainMixin):
    pass


class Member(models.Model):
    """Who belongs to a business, as our memberships do."""

    client = models.ForeignKey(Client, on_delete=models.CASCADE)
    user = models.ForeignKey(User, on_delete=models.CASCADE)

    class Meta:
        constraints = (models.UniqueConstraint(fields=("client", "user"), name="member_key"),)
