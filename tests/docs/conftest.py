"""The module of docs/extend.md, written out of the document and run as somebody who follows it would."""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask

from saas.core.database import db
from saas.core.settings import Settings
from saas.devstack.browser import Browser
from tenants.members.models import Role
from tests.support import database, live
from tests.support.people import Person, join, sign_in, sign_up

DOCUMENT = live.ROOT / "docs" / "extend.md"
_FILE = re.compile(r'^```\w+ title="(?P<name>[^"]+)"\n(?P<text>.*?)^```$', re.MULTILINE | re.DOTALL)
_COMMANDS = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)

Shell = Callable[[str], "subprocess.CompletedProcess[str]"]


@dataclass
class Helpdesk:
    """A platform that ran without the module, and runs with it now."""

    before: Flask  # the application as it was, without the module, on the same database
    running: live.Running  # with it, as processes of their own
    shell: Shell  # runs commands as the document's reader does
    migrated: str  # what the migration printed
    owner: Person
    teammate: Person  # a developer
    viewer: Person
    stranger: Person


def write(home: Path) -> Path:
    """The files of the document, below a home directory; returns the folder of modules."""
    for found in _FILE.finditer(DOCUMENT.read_text("utf-8")):
        path = home / found["name"]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(found["text"], "utf-8")
    return home / "modules"


def commands() -> list[str]:
    (block,) = _COMMANDS.findall(DOCUMENT.read_text("utf-8"))
    return str(block).splitlines()


def shell(settings: Settings, home: Path) -> Shell:
    """A shell in the checkout whose home directory and settings are given."""
    own = {
        name: value for name, value in live.environment(settings, "").items() if not name.startswith(("PYTEST", "COV"))
    }
    own |= {"HOME": str(home), "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    own |= {"SITE_URL": settings.site_url}

    def run(script: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            ["bash", "-euc", script], cwd=live.ROOT, env=own, capture_output=True, text=True, timeout=1800, check=False
        )

    return run


@pytest.fixture(scope="module")
def helpdesk(
    request: pytest.FixtureRequest, settings: Settings, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Helpdesk]:
    own = database.empty_database(request.config, settings)
    own = own.model_copy(update={"modules_dir": None, "redis_url": database.own_queue(settings, 2)})
    home = tmp_path_factory.mktemp("home")
    with database.application(own, spare_tenants_low=4, spare_tenants_high=4) as before:
        database.migrate(before)
        owner, stranger = (sign_up(before, database.browser(before)) for _ in range(2))
        mates = [join(before, owner, database.browser(before), role) for role in (Role.DEVELOPER, Role.VIEWER)]
        modules = write(home)
        run = shell(own, home)
        migrated = run("\n".join(commands()[:2]))
        assert migrated.returncode == 0, migrated.stderr
        folder = tmp_path_factory.mktemp("helpdesk")
        with live.start(own.model_copy(update={"modules_dir": modules}), folder) as running:
            people = [at(running, person) for person in (owner, *mates, stranger)]
            yield Helpdesk(before, running, run, migrated.stdout, *people)


def at(running: live.Running, person: Person) -> Person:
    """The same person in a browser of their own at the running site."""
    browser = running.browser()
    page = sign_in(browser, person.email)
    assert page.status == 200, page.text
    moved = Person(browser, person.email, person.address, person.tenant)
    assert moved.open("/home").status == 200
    return moved


def newcomer(helpdesk: Helpdesk) -> Person:
    """Somebody who signs up at the running site."""
    browser: Browser = helpdesk.running.browser("10.99.0.2")
    return sign_up(helpdesk.before, browser)


def tables(app: Flask, tenant: str) -> set[str]:
    with app.app_context():
        return set(sa.inspect(db.engine).get_table_names(schema=tenant))
