"""Always three people: an owner, a teammate of theirs, and a stranger with a business of their own."""

import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field

import sqlalchemy as sa
from flask import Flask

from saas.accounts import service as accounts
from saas.core.database import db, transaction
from saas.devstack.browser import Browser, Page
from tenants import provisioning
from tenants.members import service as members
from tenants.members.models import Role
from tenants.models import Tenant
from tenants.usage import limits as known_limits

PASSWORD = "correct horse battery"
_KEY = re.compile(r"fh_test_[a-z2-7]{16}_[\w-]{43}")


@dataclass
class Person:
    """Someone signed in, with a workspace open. `site` is the bare host's origin, `home` the workspace's."""

    browser: Browser
    email: str
    address: str
    tenant: str  # the tenant's id
    keys: list[str] = field(default_factory=list)

    @property
    def home(self) -> str:
        scheme, _, host = self.browser.site.partition("://")
        return f"{scheme}://{self.address}.{host}"

    def open(self, path: str) -> Page:
        """A page of the workspace."""
        return self.browser.open(self.home + path)

    def define(self, name: str, /, **fields: str) -> None:
        """Make a collection; fields are given as name="kind", a `!` behind the kind for required."""
        page = self.open("/collections/new")
        values = {"label": name.capitalize(), "name": name}
        for number, (field_name, kind) in enumerate(fields.items()):
            values[f"fields__{number}__name"] = field_name
            values[f"fields__{number}__kind"] = kind.rstrip("!")
            if kind.endswith("!"):
                values[f"fields__{number}__required"] = "y"
        done = self.browser.send(page, "", "label", **values)
        assert done.status == 200, done.text

    def key(self) -> str:
        """A working API key, made on the page the first time."""
        if not self.keys:
            page = self.browser.send(self.open("/keys"), "/keys", "label", label="Tests")
            found = _KEY.search(page.text)
            assert found, page.text
            self.keys.append(found[0])
        return self.keys[0]

    def api(self, method: str, path: str, *, host: str = "", **options: object):  # type: ignore[no-untyped-def]  # requests' own
        """Call the API with the person's key: `path` as in "/collections/x/records"."""
        headers = {"Authorization": f"Bearer {self.key()}", **options.pop("headers", {})}  # type: ignore[dict-item]
        return self.browser.request(method, (host or self.home) + "/api/v1" + path, headers=headers, **options)


def unique() -> str:
    return secrets.token_hex(5)


def sign_up(app: Flask, browser: Browser, business: str = "Test & Sons", *, limited: bool = False) -> Person:
    """Open a business with an address of its own on the sign-up page; without limits, unless the test is of them."""
    with app.app_context():
        provisioning.refill()  # no worker does it here, and no test should meet an empty pool by chance
    mark = unique()
    email, address = f"owner-{mark}@example.com", f"shop-{mark}"
    page = browser.send(
        browser.open("/sign-up"), "", "business",
        business=business, address=address, email=email, password=PASSWORD,
    )  # fmt: skip
    assert page.status == 200, page.text
    assert page.url.endswith("/home"), page.url
    with app.app_context():
        tenant = db.session.scalars(sa.select(Tenant.id).where(Tenant.address == address)).one()
    if not limited:
        allow(app, tenant)
    return Person(browser, email, address, tenant)


def allow(app: Flask, tenant: str, **limits: int | None) -> None:
    """Set what a tenant may use, as billing does; what is not named has no limit."""
    every: dict[str, int | None] = {limit.name: None for limit in known_limits.every()}
    with app.app_context(), transaction():
        db.session.execute(sa.update(Tenant).where(Tenant.id == tenant).values(limits=every | limits))


def join(app: Flask, owner: Person, browser: Browser, role: Role = Role.DEVELOPER) -> Person:
    """A member of the owner's tenant, with an account of their own and signed in."""
    email = f"mate-{unique()}@example.com"
    with app.app_context(), transaction():
        user = accounts.register(email, PASSWORD)
        members.add(owner.tenant, user.id, role)
    mate = Person(browser, email, owner.address, owner.tenant)
    sign_in(browser, email)
    assert mate.open("/home").status == 200
    return mate


def sign_in(browser: Browser, email: str, password: str = PASSWORD) -> Page:
    return browser.send(browser.open("/sign-in"), "", "password", email=email, password=password)


MakeBrowser = Callable[[], Browser]
