"""What tests stand on: a real PostgreSQL and Valkey for the run, a database and an application for each worker.

Nothing is shared between tests but the services: each opens businesses of its own, so that order does not matter.
"""

import contextlib
import gc
import random
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher
from flask import Flask

from migrations import fleet
from saas.accounts import passwords
from saas.app import create_app
from saas.cli import context
from saas.core.settings import Settings
from saas.devstack import stack, stripe
from saas.devstack.browser import Browser
from tenants import provisioning
from tenants.probe import canaries
from tests.support import live
from tests.support.loopback import sitecustomize
from tests.support.people import Person, join, sign_up
from tests.support.wsgi import InProcess

SITE = "http://localhost:8000"
_URLS = pytest.StashKey[dict[str, str]]()
_ENDING = pytest.StashKey[contextlib.ExitStack]()

sitecustomize.install()


def pytest_addoption(parser: pytest.Parser) -> None:
    choices = {"choices": ["roles", "schema"], "default": "roles"}
    parser.addoption("--isolation", **choices, help="TENANT_ISOLATION of the tests' own database.")


def pytest_sessionstart(session: pytest.Session) -> None:
    """One PostgreSQL, Valkey and stand-in for Stripe for all workers, started by whoever starts those."""
    config = session.config
    if hasattr(config, "workerinput"):
        config.stash[_URLS] = config.workerinput["services"]
        return
    ending = config.stash[_ENDING] = contextlib.ExitStack()
    folder = ending.enter_context(tempfile.TemporaryDirectory(prefix="freehold-tests-", ignore_cleanup_errors=True))
    standin = ending.enter_context(stripe.running(Path(folder)))
    services = ending.enter_context(stack.services(Path(folder)))
    config.stash[_URLS] = {
        "superuser": services.postgres.superuser_url("postgres"),
        "admin": services.postgres.url("freehold_admin", "NAME"),
        "app": services.postgres.url("freehold_app", "NAME"),
        "redis": services.valkey.url.removesuffix("/0"),
        "stripe": standin.url,
    }
    # The cluster's roles are made here, once: two workers that grant the same role at the same time collide.
    _prepare(_settings(config, "freehold", 0))


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    node.workerinput["services"] = node.config.stash[_URLS]


def pytest_collection_finish() -> None:
    """What thousands of tests are made of stays to the end: each collection of garbage would walk through it."""
    gc.collect()
    gc.freeze()


def pytest_sessionfinish(session: pytest.Session) -> None:
    if ending := session.config.stash.get(_ENDING, None):
        ending.close()


@pytest.fixture(scope="session")
def settings(request: pytest.FixtureRequest, worker_id: str) -> Settings:
    """Of this worker's own database, migrated and with a pool of spare tenants."""
    urls = request.config.stash[_URLS]
    number = int(worker_id.removeprefix("gw")) + 1 if worker_id.startswith("gw") else 1
    live.create_database(urls["superuser"], f"test{number}")
    made = _settings(request.config, f"test{number}", number)
    _prepare(made)
    return made


@pytest.fixture(scope="session", autouse=True)
def _logging_stays_the_tests() -> Iterator[None]:
    """A command that runs in this process would set it up for good, and later tests would not see their log lines."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(context, "configure_logging", lambda _settings: None)
        yield


@pytest.fixture(scope="session", autouse=True)
def _hashing_is_quick() -> Iterator[None]:
    """Nearly each test signs people up, and half of that would be the hash. The live stacks hash in earnest."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "_hasher", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
        yield


@pytest.fixture(scope="session")
def app(settings: Settings) -> Flask:
    made = create_app(settings)
    with made.app_context():
        provisioning.refill()
        canaries.ready()  # which the probe of a running stack opens some time, while a test counts what there is
    return made


@pytest.fixture
def make_browser(app: Flask) -> Callable[[], Browser]:
    """Browsers that call the application in this process, each from a network of its own."""

    def make() -> Browser:
        browser = Browser(SITE, forwarded_for=network())
        browser.session.mount("http://", InProcess(app))
        return browser

    return make


@pytest.fixture
def browser(make_browser: Callable[[], Browser]) -> Browser:
    return make_browser()


@pytest.fixture
def owner(app: Flask, make_browser: Callable[[], Browser]) -> Person:
    return sign_up(app, make_browser(), "Owner & Sons")


@pytest.fixture
def teammate(app: Flask, owner: Person, make_browser: Callable[[], Browser]) -> Person:
    return join(app, owner, make_browser())


@pytest.fixture
def stranger(app: Flask, make_browser: Callable[[], Browser]) -> Person:
    return sign_up(app, make_browser(), "Stranger & Sons")


@pytest.fixture(scope="module")
def running(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[live.Running]:
    """Web, dispatcher and workers as processes of their own, on this worker's database.

    They end with the module: the jobs that other tests run by hand would be done by these workers as well.
    """
    with live.start(settings, tmp_path_factory.mktemp("running")) as stack_:
        yield stack_


def network() -> str:
    """An address out of 10.0.0.0/8, as a proxy in front would report it."""
    return ".".join(["10", *(str(random.randrange(1, 255)) for _ in range(3))])


def _settings(config: pytest.Config, database: str, number: int) -> Settings:
    urls = config.stash[_URLS]
    return Settings(
        freehold_env="test",
        secret_key="development-" + "t" * 40,
        site_url=SITE,
        database_url=urls["app"].replace("NAME", database),
        database_admin_url=urls["admin"].replace("NAME", database),
        redis_url=f"{urls['redis']}/{number}",
        stripe_secret_key=f"sk_test_tests{number:03}",
        stripe_api_url=urls["stripe"],
        stripe_webhook_secret=f"whsec_tests{number:03}",
        log_level="warning",
        trusted_proxies=1,
        tenant_isolation=config.getoption("isolation"),
        signups_per_hour=10_000,
        **live.UNTHROTTLED,
    )


def _prepare(settings: Settings) -> None:
    with create_app(settings).app_context():
        for _line in fleet.migrate(settings.database_url):
            pass
