"""Who gets into the back office: operators with their second factor, on the bare host. To others there is none."""

from collections.abc import Iterator

import pytest
from flask import Flask

from saas.devstack.browser import Browser
from tests.support.database import left, more, sql
from tests.support.operators import newcomer
from tests.support.pages import heading
from tests.support.people import MakeBrowser, Person, sign_in

BEFORE_THE_FACTOR = {"console.ask_factor", "console.set_up_factor"}


def routes(app: Flask, tenant: str) -> Iterator[tuple[str, str, str]]:
    """Endpoint, method and path of each of the console's routes, for a tenant that is there."""
    ((job,),) = sql(app, "SELECT id FROM platform.jobs WHERE state <> 'dead' LIMIT 1")  # such as a sign-up's mail
    values = {"tenant_id": tenant, "name": "suspend", "job_id": job, "subject": job}
    adapter = app.url_map.bind("localhost")
    for rule in app.url_map.iter_rules():
        if rule.rule.startswith("/console"):
            ours = values | ({"name": "dismiss"} if "subject" in rule.arguments else {})
            path = adapter.build(rule.endpoint, {name: ours[name] for name in rule.arguments})
            for method in sorted(rule.methods or ()):
                if method in {"GET", "POST"}:
                    yield rule.endpoint, method, path


def test_to_everyone_but_an_operator_there_is_no_back_office(
    app: Flask, operator: Person, owner: Person, teammate: Person, stranger: Person
) -> None:
    before = left(app)
    for endpoint, method, path in routes(app, stranger.tenant):
        for person in (owner, teammate, stranger):
            answer = request(person.browser, method, path, person)
            assert answer.status_code == 404, (endpoint, method)
            assert "console" not in answer.text.lower().replace(path, ""), (endpoint, method)
        assert request(operator.browser, method, path, operator).status_code != 404, endpoint
    assert more(before, left(app)) in ({}, {"audit": 1})  # the operator made new recovery codes


def test_it_is_the_door_that_keeps_them_out(
    app: Flask, monkeypatch: pytest.MonkeyPatch, owner: Person, stranger: Person
) -> None:
    path = f"/console/tenants/{stranger.tenant}"
    assert stranger.email not in owner.browser.open(path).text
    monkeypatch.setitem(app.before_request_funcs, "console", [])
    assert stranger.email in owner.browser.open(path).text


def test_a_visitor_is_asked_to_sign_in(app: Flask, browser: Browser, stranger: Person) -> None:
    for endpoint, method, path in routes(app, stranger.tenant):
        answer = request(browser, method, path, stranger)
        expected = 302 if method == "GET" else 401
        assert answer.status_code == expected, (endpoint, method)
    assert heading(browser.open("/console?q=x")) == "Sign in"


def test_without_the_second_factor_no_page_opens(
    app: Flask, make_browser: MakeBrowser, operator: Person, stranger: Person
) -> None:
    browser = make_browser()
    sign_in(browser, operator.email)
    for endpoint, method, path in routes(app, stranger.tenant):
        if endpoint in BEFORE_THE_FACTOR:
            continue
        answer = request(browser, method, path, operator)
        if method == "GET":
            assert answer.headers["Location"].startswith("/console/second-factor?next="), endpoint
        else:
            assert answer.status_code == 403, endpoint
        assert stranger.email not in answer.text


def test_the_back_office_is_not_on_a_workspaces_host(app: Flask, operator: Person) -> None:
    for endpoint, method, path in routes(app, operator.tenant):
        answer = request(operator.browser, method, operator.home + path, operator)
        assert answer.status_code == 404, (endpoint, method)


def test_an_operators_right_comes_and_goes_at_once(app: Flask, make_browser: MakeBrowser) -> None:
    person = newcomer(app, make_browser())
    seen = []
    for _ in range(3):
        seen.append(heading(person.browser.open("/console")))
        sql(app, "UPDATE platform.users SET operator = NOT operator WHERE email = :email", email=person.email)
    assert seen == ["Set up your second factor", "There is nothing here", "Set up your second factor"]


@pytest.mark.parametrize("path", ["/console/tenants/t_0000000000000000", "/console/tenants/x", "/console/tenants/'--"])
def test_a_tenant_that_is_not_there_is_not_found(operator: Person, path: str) -> None:
    assert operator.browser.open(path).status == 404
    assert operator.browser.open(f"{path}/actions/suspend").status == 404


def test_a_spare_schema_and_an_unknown_action_are_not_found(app: Flask, operator: Person) -> None:
    ((spare,),) = sql(app, "SELECT id FROM platform.tenants WHERE state = 'spare' LIMIT 1")
    assert operator.browser.open(f"/console/tenants/{spare}").status == 404
    assert operator.browser.open(f"/console/tenants/{operator.tenant}/actions/drop").status == 404


def test_every_form_asks_for_its_token(app: Flask, operator: Person, stranger: Person) -> None:
    for endpoint, method, path in routes(app, stranger.tenant):
        if method == "POST":
            assert operator.browser.request("POST", path, data={"reason": "x" * 9}).status_code == 400, endpoint


def request(browser: Browser, method: str, path: str, person: Person):  # type: ignore[no-untyped-def]  # requests' own
    """With a form token of their own, so that it is not that which refuses them."""
    data = None
    if method == "POST":
        form = browser.open("/sign-in").form("/sign-in")
        data = {"csrf_token": form.fields["csrf_token"]}
        if path.startswith("http"):
            form = person.open("/home").form("/leave")
            data = {"csrf_token": form.fields["csrf_token"]}
    return browser.request(method, path, data=data)
