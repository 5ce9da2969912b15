"""Pages with an SQL injection, made on purpose, and an attacker with an account of their own in another tenant."""

import io
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import psycopg2
import pytest
import requests
import sqlalchemy as sa
from flask import Blueprint, Flask, Response, jsonify, request

from saas.core.database import db, transaction
from saas.core.settings import Settings
from tenants import isolation
from tenants.isolation import StatementRefused, guard, names
from tenants.isolation.modes import MODES, Mode
from tenants.members import permissions
from tenants.members.permissions import needs
from tenants.routing import enter
from tenants.usage import flows
from tests.support import database
from tests.support.attacks import Attack
from tests.support.people import Person, sign_up

injectable = Blueprint("injectable", __name__, url_prefix="/injectable")
injectable.before_request(enter)


@injectable.get("/filter")
@needs(permissions.RECORDS_READ)
def by_filter() -> Response:
    return jsonify(run(f"SELECT title FROM products WHERE title = '{request.args['text']}'"))


@injectable.get("/sort")
@needs(permissions.RECORDS_READ)
def by_sort() -> Response:
    """One value is bound as it should be, and the other is not."""
    text = f"SELECT title FROM products WHERE title <> %(q)s ORDER BY {request.args['text']}"
    return jsonify(run(text, {"q": request.args.get("q", "")}))


@injectable.get("/statement")
@needs(permissions.RECORDS_READ)
def by_statement() -> Response:
    return jsonify([run(text) for text in request.args.getlist("text")])


@injectable.get("/raw")
@needs(permissions.RECORDS_READ)
def raw() -> Response:
    """Past SQLAlchemy, to a driver that is given no parameters and so leaves each % alone."""
    with db.session.connection().connection.cursor() as cursor:
        cursor.execute(request.args["text"])
        return jsonify(cursor.fetchall())


@injectable.get("/design")
@needs(permissions.RECORDS_READ)
def in_design() -> Response:
    with isolation.design():
        seen = run(request.args["text"])
    return jsonify([seen, run(request.args["then"])])


@injectable.get("/export")
@needs(permissions.RECORDS_READ)
def in_export() -> Response:
    out = io.StringIO()
    with isolation.export(), db.session.connection().connection.cursor() as cursor:
        cursor.copy_expert(request.args["text"], out)  # type: ignore[attr-defined]
    return jsonify(out.getvalue())


@injectable.get("/all")
@needs(permissions.RECORDS_READ)
def everything() -> Response:
    """An honest page."""
    return jsonify(run("SELECT title FROM products"))


def run(text: str, values: Any = None) -> list[list[str]]:
    found = db.session.connection().exec_driver_sql(text, values)
    return [[str(value) for value in row] for row in found] if found.returns_rows else []


# All that might stay on a pooled connection, and the backend's number, which tells it from another one.
LEFT = """
SELECT pg_backend_pid(), current_user, session_user, current_setting('role'), current_setting('search_path'),
    (SELECT string_agg(name || '=' || setting, ' ' ORDER BY name) FROM pg_settings WHERE source = 'session'),
    (SELECT count(*) FROM pg_prepared_statements), (SELECT count(*) FROM pg_cursors WHERE is_holdable),
    (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()),
    (SELECT count(*) FROM pg_listening_channels()), (SELECT count(*) FROM pg_largeobject_metadata),
    (SELECT count(*) FROM pg_class WHERE relnamespace = pg_my_temp_schema())
"""


@dataclass
class Stage:
    app: Flask
    attacker: Person
    victim: Person
    row: str  # what a record of the victim says
    name: str  # what a collection of the victim, and its field, is called
    oids: tuple[int, int] = (0, 0)  # of its table and of its row's type
    record: Callable[[str, object], None] = lambda _name, _value: None  # of the test that has the stage now

    def strike(self, attack: Attack) -> requests.Response:
        """Send the attack as the attacker, signed in to their own workspace."""
        sent = {"text": [self._aim(text) for text in attack.texts]}
        sent |= {name: self._aim(text) for name, text in attack.more.items()}
        url = f"{self.attacker.home}/injectable/{attack.place}"
        return self.attacker.browser.request("GET", url, params=sent)

    def look(self) -> str:
        """The attacker's next request, an honest one, over the same connection."""
        return self.attacker.browser.request("GET", f"{self.attacker.home}/injectable/all").text

    @property
    def mode(self) -> Mode:
        return MODES[self.app.extensions["freehold.settings"].tenant_isolation]

    def theirs(self) -> str:
        """What the victim's own page shows."""
        return self.victim.browser.request("GET", f"{self.victim.home}/injectable/all").text

    def left(self) -> tuple[Any, ...]:
        with self.app.app_context(), db.engine.connect() as connection:
            return tuple(connection.exec_driver_sql(LEFT).one())

    def holds(self, condition: str) -> bool:
        try:
            with self.app.app_context(), db.engine.connect() as connection:
                return bool(connection.exec_driver_sql(f"SELECT {condition}").scalar())
        except sa.exc.NotSupportedError:
            return False

    def reconnect(self) -> None:
        """Drop the connection and what the attacker has written down, either of which a control may have spoilt."""
        with self.app.app_context():
            db.engine.dispose()
        with self.app.app_context(), transaction():
            isolation.bind(self.attacker.tenant)
            db.session.execute(sa.text("DELETE FROM products WHERE title <> 'mine'"))

    def _aim(self, text: str) -> str:
        for form in ("ROLE VICTIM", 'ROLE "VICTIM"', "'role', 'VICTIM'", "AUTHORIZATION VICTIM"):
            text = text.replace(form, form.replace("VICTIM", self.mode.role_of(self.victim.tenant)))
        for word, value in (
            ("VICTIM", self.victim.tenant),
            ("ITS_TABLE", self.oids[0]),
            ("ITS_TYPE", self.oids[1]),
        ):
            text = text.replace(word, str(value))
        return text


def set_up(settings: Settings) -> Iterator[Stage]:
    with database.application(settings, database_pool_size=1) as app:
        app.register_blueprint(injectable)
        app.register_error_handler(StatementRefused, lambda error: (f"refused: {error}", 403))
        for kind in (sa.exc.DBAPIError, psycopg2.Error):
            app.register_error_handler(kind, lambda error: (f"failed: {error}", 409))
        made = Stage(
            app,
            attacker=sign_up(app, database.browser(app), "Attacker & Sons"),
            victim=sign_up(app, database.browser(app), "Victim & Sons"),
            row=f"row{secrets.token_hex(8)}",
            name=f"plan{secrets.token_hex(8)}",
        )
        made.attacker.define("products", title="text")
        made.victim.define("products", title="text")
        made.victim.define(made.name, **{made.name: "text"})
        for person, title in ((made.attacker, "mine"), (made.victim, made.row)):
            answer = person.api("POST", "/collections/products/records", json={"title": title})
            assert answer.status_code == 201, answer.text
        flows.of(app).flush()  # else a thread takes the one connection to write down these calls
        made.oids = tuple(*database.sql(app, "SELECT oid, reltype FROM pg_class WHERE relname = :name", name=made.name))
        yield made


def expect_refusal(stage: Stage, attack: Attack) -> None:
    before = stage.left()
    answer = stage.strike(attack)
    assert (answer.status_code, answer.text[:8]) == (403, "refused:"), answer.text
    seen = stage.look()
    assert "mine" in seen, seen
    seen += str(answer.headers)
    said = answer.text.replace(stage.victim.tenant, "") if attack.names_the_victim else answer.text
    assert not [secret for secret in (stage.row, stage.name, stage.victim.tenant) if secret in seen + said]
    assert stage.left() == before
    stage.record("tried", 1)
    stage.record("leaks", 0)
    if attack.otherwise and stage.holds(attack.otherwise):
        pytest.skip(f"it was refused; without the guard this server does otherwise: {attack.otherwise}")


def reads_a_row(stage: Stage, attack: Attack, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the guard, and nothing with it."""
    expect_refusal(stage, attack)
    switch_off_guard(monkeypatch)
    answer = stage.strike(attack)
    assert stage.row in answer.text, f"the attack itself does not work: {answer.text}"
    stage.record("control leaked", 1)


def writes(stage: Stage, attack: Attack, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the guard, and nothing with it."""
    expect_refusal(stage, attack)
    before = stage.theirs().count("planted")
    switch_off_guard(monkeypatch)
    answer = stage.strike(attack)
    assert stage.theirs().count("planted") == before + 1, f"the attack itself does not work: {answer.text}"
    stage.record("control leaked", 1)


def switch_off_guard(monkeypatch: pytest.MonkeyPatch) -> None:
    for check in ("check", "check_design", "check_export"):
        monkeypatch.setattr(guard, check, lambda _statement: None)
    switch_off_names(monkeypatch)


def switch_off_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """The guard's second look, which there is where tenants share a role."""
    monkeypatch.setattr(names, "check", lambda _statement: None)
