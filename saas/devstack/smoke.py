"""`./dev smoke`: the story over HTTP against the running stack, step by step with its time."""

import re
import secrets
import sys
import time
from collections.abc import Callable
from typing import TypeVar
from urllib.parse import urlsplit

import click
import requests

from saas.devstack import ports, state
from saas.devstack.browser import Browser, Page
from saas.devstack.stack import Stack

PASSWORD = "correct horse battery"  # noqa: S105  of accounts that this run opens
WAIT = 30.0  # seconds for what a worker does

T = TypeVar("T")

_KEY = re.compile(r"fh_test_[a-z2-7]{16}_[\w-]{43}")
_MAIL = re.compile(r"/dev/mailbox/[0-9a-f-]{36}")


class StepFailed(Exception):
    """A step did not do what the story says; the text is for the person at the terminal."""


class Story:
    """One visitor's way through the product; each step builds on the ones before."""

    def __init__(self, site: str) -> None:
        self.site = site
        self.unique = secrets.token_hex(4)
        self.owner, self.stranger = Browser(site), Browser(site)
        self.email, self.address = f"smoke-{self.unique}@example.com", f"smoke-{self.unique}"
        self.password, self.key, self.records = PASSWORD, "", ""

    @property
    def home(self) -> str:
        return self.site.replace("://", f"://{self.address}.")

    def steps(self) -> list[tuple[str, Callable[[], None]]]:
        return [
            ("the site answers", self.site_answers),
            ("an address is proposed and checked", self.address_is_proposed),
            ("a business signs up and is in its workspace", self.sign_up),
            ("a worker sends the mails", self.mails_arrive),
            ("the email is confirmed", self.confirm),
            ("sign out and in again", self.sign_in_again),
            ("a forgotten password is reset", self.reset_password),
            ("a collection is defined", self.define_collection),
            ("a row is added on its page", self.add_row),
            ("a key is made", self.make_key),
            ("the API writes, reads, lists and deletes", self.call_api),
            ("a bad request is told what is wrong", self.bad_request),
            ("a second business sees nothing of it", self.stranger_sees_nothing),
            ("the pool of spare tenants is refilled", self.pool_is_refilled),
        ]

    def site_answers(self) -> None:
        expect(self.owner.open("/healthz/ready"), 200)
        expect(self.owner.open("/"), 200)

    def address_is_proposed(self) -> None:
        page = self.owner.open(f"/sign-up/address?business=Smoke {self.unique}")
        expect(page, 200, f'value="{self.address}"')

    def sign_up(self) -> None:
        form = self.owner.open("/sign-up")
        page = self.owner.send(
            form, "", "business",
            business=f"Smoke {self.unique}", address=self.address, email=self.email, password=PASSWORD,
        )  # fmt: skip
        expect(page, 200)
        if page.url != f"{self.home}/home":
            raise StepFailed(f"landed at {page.url} instead of the workspace")

    def mails_arrive(self) -> None:
        self.mail("Confirm your email")
        self.mail("Your workspace is ready")

    def confirm(self) -> None:
        page = self.owner.open(link(self.mail("Confirm your email")))
        expect(self.owner.send(page, urlsplit(page.url).path), 200)

    def sign_in_again(self) -> None:
        self.owner.send(self.owner.open(f"{self.home}/home"), "/leave")
        self.expect_signed_out()
        self.sign_in(self.password)

    def reset_password(self) -> None:
        self.owner.send(self.owner.open(f"{self.home}/home"), "/leave")
        expect(self.owner.send(self.owner.open("/forgot"), "", "email", email=self.email), 200)
        page = self.owner.open(link(self.mail("Set a new password")))
        self.password = f"{PASSWORD} staple"
        expect(self.owner.send(page, "", "password", password=self.password), 200)

    def define_collection(self) -> None:
        fields = {"title": "text", "price": "number", "sold_out": "boolean", "since": "date"}
        values = {"label": "Products", "name": "products"}
        page = self.owner.open(f"{self.home}/collections/new")
        for number, (name, kind) in enumerate(fields.items()):
            values |= {f"fields__{number}__name": name, f"fields__{number}__kind": kind}
        expect(self.owner.send(page, "", "label", **values), 200, "Products")

    def add_row(self) -> None:
        page = self.owner.open(f"{self.home}/collections/products")
        expect(self.owner.send(page, "/records", value__title="Rye bread", value__price="4.20"), 200, "Rye bread")

    def make_key(self) -> None:
        page = self.owner.send(self.owner.open(f"{self.home}/keys"), "/keys", "label", label="Smoke")
        if not (found := _KEY.search(page.text)):
            raise StepFailed("the page shows no key")
        self.key = found[0]

    def call_api(self) -> None:
        for host in (self.site, self.home):
            made = self.call("POST", host, "", json={"title": "Bread", "price": 4.5, "since": "2026-01-31"})
            expect_status(made, 201)
            path = f"/{made.json()['id']}"
            expect_status(self.call("PATCH", host, path, json={"price": 5}), 200)
            first = self.call("GET", host, "?limit=1").json()
            rest = self.call("GET", host, f"?after={first['next']}").json()
            if [record["id"] for record in rest["data"]] != [made.json()["id"]]:
                raise StepFailed(f"paging lost a record: {rest}")
            expect_status(self.call("DELETE", host, path), 204)
            expect_status(self.call("GET", host, path), 404)

    def bad_request(self) -> None:
        answer = self.call("POST", self.site, "", json={"title": 7, "colour": "red"})
        expect_status(answer, 422)
        if {error["field"] for error in answer.json()["errors"]} != {"title", "colour"}:
            raise StepFailed(f"the answer names the wrong fields: {answer.text}")

    def stranger_sees_nothing(self) -> None:
        other = f"other-{self.unique}"
        form = self.stranger.open("/sign-up")
        values = {"business": "Other", "address": other, "email": f"{other}@example.com", "password": PASSWORD}
        expect(self.stranger.send(form, "", "business", **values), 200)
        expect(self.stranger.open(f"{self.home}/collections/products"), 403)
        elsewhere = self.site.replace("://", f"://{other}.")
        expect(self.stranger.open(f"{elsewhere}/collections/products"), 404)
        expect_status(self.call("GET", elsewhere, ""), 401)

    def pool_is_refilled(self) -> None:
        """The metrics count the jobs that are not done; a dead refill would stay among them."""

        def done() -> bool:
            text = self.owner.open("/metrics").text
            return 'queue="slow",state="waiting"' not in text and 'queue="slow",state="leased"' not in text

        await_("the slow queue to be empty", done)

    def sign_in(self, password: str) -> None:
        page = self.owner.send(self.owner.open("/sign-in"), "", "password", email=self.email, password=password)
        expect(page, 200)

    def expect_signed_out(self) -> None:
        page = self.owner.open(f"{self.home}/home")
        if not page.url.startswith(f"{self.site}/sign-in"):
            raise StepFailed(f"still signed in: {page.url}")

    def mail(self, subject: str) -> Page:
        """The newest mail to the owner with this subject, once a worker has sent it."""

        def found() -> Page | None:
            for path in _MAIL.findall(self.owner.open("/dev/mailbox").text):
                mail = self.owner.open(path)
                if self.email in mail.text and subject in mail.text and "waiting" not in mail.text.lower():
                    return mail
            return None

        return await_(f"the mail “{subject}”", found)

    def call(self, method: str, host: str, path: str, **options: object) -> requests.Response:
        url = f"{host}/api/v1/collections/products/records{path}"
        return self.owner.request(method, url, headers={"Authorization": f"Bearer {self.key}"}, **options)


def expect(page: Page, status: int, text: str = "") -> None:
    if page.status != status:
        raise StepFailed(f"{page.url} answered {page.status} instead of {status}")
    if text not in page.text:
        raise StepFailed(f"{page.url} does not show {text!r}")


def expect_status(answer: requests.Response, status: int) -> None:
    if answer.status_code != status:
        raise StepFailed(f"{answer.url} answered {answer.status_code} instead of {status}: {answer.text[:300]}")


def await_(what: str, found: Callable[[], T | None]) -> T:
    deadline = time.monotonic() + WAIT
    while not (value := found()):
        if time.monotonic() > deadline:
            raise StepFailed(f"waited {WAIT:.0f} s for {what}")
        time.sleep(0.1)
    return value


def link(mail: Page) -> str:
    return str(re.findall(r'href="(http[^"]+/(?:confirm|reset)/[^"]+)"', mail.text)[0])


def run(site: str) -> int:
    """Run the story, a line a step; returns the exit status."""
    began = time.monotonic()
    for name, step in Story(site).steps():
        start = time.monotonic()
        try:
            step()
        except (StepFailed, LookupError, requests.RequestException) as error:
            click.echo(f"{click.style('failed', fg='red')}  {name}: {error}", err=True)
            return 1
        click.echo(f"{(time.monotonic() - start) * 1000:7.0f} ms  {name}")
    click.echo(f"{(time.monotonic() - began) * 1000:7.0f} ms  the whole story")
    return 0


def main() -> int:
    """Use the stack that runs in this checkout, or start one for as long as the story takes."""
    here = state.here()
    if site := here.read_env().get("SITE_URL"):
        return run(site)
    stack = Stack(here, ports.free())
    with here.locked():
        try:
            click.echo("No stack is running: starting one …")
            stack.start_services()
            stack.start_platform()
            return run(stack.settings["SITE_URL"])
        finally:
            stack.stop()


if __name__ == "__main__":
    sys.exit(main())
