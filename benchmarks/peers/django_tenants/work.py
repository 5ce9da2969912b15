"""What this peer can be asked for. Its clock and processor time are its own, so the pipe's time does not count."""

import json
import time
import uuid

from business.models import Client, Domain, Member
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.models import User
from django.contrib.sessions.backends.db import SessionStore
from django.core.handlers.wsgi import WSGIHandler
from django.core.management import call_command
from django.test import RequestFactory
from django_tenants.utils import schema_context
from store.models import Collection

HANDLER = WSGIHandler()
FACTORY = RequestFactory()
OK, FIELDS = 200, 8


def prepare() -> dict[str, object]:
    """Make the migrations of the two apps, and the public schema with one business of its own."""
    call_command("makemigrations", "business", "store", verbosity=0)
    call_command("migrate_schemas", "--shared", verbosity=0)
    Client.objects.create(schema_name="public", name="public")
    return {}


def create(names: list[str]) -> dict[str, object]:
    """A business each, with its schema and host."""
    clock, processor = time.perf_counter(), time.process_time()
    for name in names:
        client = Client.objects.create(schema_name=name, name="Test & Sons")
        Domain.objects.create(domain=f"{name}.localhost", tenant=client, is_primary=True)
    return {"clock": time.perf_counter() - clock, "processor": time.process_time() - processor}


def fill(name: str, rows: int) -> dict[str, object]:
    """Records of a business, and a cookie of somebody who belongs to it."""
    keys = [uuid.uuid4() for _ in range(rows)]
    fields = [{"name": f"field_{number}", "kind": "text", "required": False} for number in range(FIELDS)]
    with schema_context(name):
        Collection.objects.bulk_create(
            Collection(id=key, name=f"collection_{number}", label="x", fields=fields) for number, key in enumerate(keys)
        )
    return {"keys": [str(key) for key in keys], "cookie": _sign_in(name)}


def view(path: str, name: str, cookie: str, keys: list[str]) -> dict[str, object]:
    """Ask for a record each through the whole WSGI application."""
    sent = {"HTTP_HOST": f"{name}.localhost", "HTTP_COOKIE": cookie}
    environs = [FACTORY.get(f"/{path}/{key}", **sent).environ for key in keys]
    clock = time.perf_counter()
    answers = [_call(environ) for environ in environs]
    clock = time.perf_counter() - clock
    for status, body in answers:
        if status != OK or len(json.loads(body)["fields"]) != FIELDS:
            raise RuntimeError(f"/{path} answered {status}: {body!r}")
    return {"clock": clock}


def _call(environ: dict[str, object]) -> tuple[int, bytes]:
    response = HANDLER(environ, _start_response)
    body = b"".join(response)
    response.close()
    return response.status_code, body


def _sign_in(name: str) -> str:
    user = User.objects.create_user(username=name)
    Member.objects.create(client=Client.objects.get(schema_name=name), user=user)
    session = SessionStore()
    session[SESSION_KEY], session[HASH_SESSION_KEY] = str(user.pk), user.get_session_auth_hash()
    session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    session.save()
    return f"sessionid={session.session_key}"


def _start_response(*_status_and_headers: object) -> None:
    pass


DOES = {"prepare": prepare, "create": create, "fill": fill, "view": view}
