"""The same tables with the same keys and indexes as a new tenant has with us (migrations/tenant)."""

import uuid

from django.db import models


class Collection(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    name = models.TextField()
    label = models.TextField()
    fields = models.JSONField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "fh_collections"
        # `unique=True` would add an index for LIKE, which ours does not have.
        constraints = (models.UniqueConstraint(fields=("name",), name="fh_collections_name_key"),)


class Key(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    label = models.TextField()
    secret_digest = models.BinaryField(unique=True)
    hint = models.TextField()
    created_by = models.TextField()
    created_at = models.DateTimeField(auto_now_add=True)
    last_used_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)
    role = models.TextField(default="editor")

    class Meta:
        db_table = "fh_keys"
