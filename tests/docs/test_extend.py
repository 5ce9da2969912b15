"""docs/extend.md as its reader would follow it: its files are written, its commands run, and people use the result."""

from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask
from playwright.sync_api import expect

from migrations import fleet
from saas.core.administrator import administrator
from saas.core.database import transaction
from saas.devstack import lint
from saas.devstack.rules.source import sources
from tenants import provisioning
from tenants.isolation import StatementRefused
from tests.docs.conftest import DOCUMENT, Helpdesk, commands, newcomer, tables, write
from tests.support import database
from tests.support.chromium import chromium
from tests.support.contexts import context
from tests.support.live import eventually
from tests.support.people import PASSWORD, Person, allow, sign_in, unique
from tests.support.visit import visiting

TABLE = "fh_helpdesk_tickets"


def test_the_document_has_sixty_lines_at_most() -> None:
    assert len(DOCUMENT.read_text("utf-8").splitlines()) <= 60


def test_a_tenant_that_was_there_before_gets_the_table_and_a_second_run_has_nothing_to_do(helpdesk: Helpdesk) -> None:
    assert "helpdesk: " in helpdesk.migrated
    assert helpdesk.migrated.rstrip().endswith("helpdesk 0001.")
    assert TABLE in tables(helpdesk.before, helpdesk.owner.tenant)
    again = helpdesk.shell("\n".join(commands()[:2]))
    assert again.returncode == 0, again.stderr
    assert "schemas" not in again.stdout
    check = helpdesk.shell(f"{commands()[0]}\n{commands()[1]} --check")
    assert (check.returncode, check.stdout) == (0, "Every schema is at head.\n"), check.stderr


def test_who_signs_up_now_has_it_at_once(helpdesk: Helpdesk) -> None:
    person = newcomer(helpdesk)
    subject = file(person)
    assert subject in person.open("/helpdesk").text


def test_owner_and_teammate_see_a_ticket_and_a_stranger_never_does(helpdesk: Helpdesk) -> None:
    owner, teammate, stranger = helpdesk.owner, helpdesk.teammate, helpdesk.stranger
    subject = file(owner)
    for person in (owner, teammate, helpdesk.viewer):
        assert subject in person.open("/helpdesk").text
    assert subject in [ticket["subject"] for ticket in owner.api("GET", "/helpdesk/tickets").json()["data"]]

    for page in (
        stranger.browser.open(f"{owner.home}/helpdesk"),
        stranger.browser.open(f"{owner.browser.site}/w/{owner.address}/helpdesk"),
    ):
        assert (page.status, subject in page.text) == (403, False)
    assert subject not in stranger.open("/helpdesk").text
    for host in (stranger.home, stranger.browser.site):
        answer = stranger.api("GET", "/helpdesk/tickets", host=host)
        assert (answer.status_code, answer.json()) == (200, {"data": []})
    assert stranger.api("GET", "/helpdesk/tickets", host=owner.home).status_code == 401
    sent = stranger.browser.request("POST", f"{owner.home}/helpdesk", data={"subject": "Planted"})
    assert sent.status_code in {302, 400, 403}
    assert "Planted" not in owner.open("/helpdesk").text


def test_a_viewer_reads_and_may_not_write(helpdesk: Helpdesk) -> None:
    viewer, subject = helpdesk.viewer, unique()
    page = viewer.open("/helpdesk")
    assert page.status == 200
    assert "Add ticket" not in page.text
    token = next(form.fields["csrf_token"] for form in page.forms if "csrf_token" in form.fields)
    refused = viewer.browser.request(
        "POST", f"{viewer.home}/helpdesk", data={"subject": subject, "csrf_token": token},
        headers={"Origin": viewer.home},
    )  # fmt: skip
    assert refused.status_code == 403, refused.text
    assert "As a viewer you may not add tickets" in refused.text
    assert subject not in helpdesk.owner.open("/helpdesk").text
    assert subject not in file(helpdesk.teammate)  # a control: a developer may


def test_the_page_is_fit_for_every_look_empty_full_and_failing(helpdesk: Helpdesk) -> None:
    """In a real browser, with the longest subject there can be."""
    person = newcomer(helpdesk)
    with chromium() as browser, visiting(helpdesk.before, helpdesk.running, browser) as visit:
        visit.open("/sign-in")
        visit.page.get_by_label("Email").fill(person.email)
        visit.page.get_by_label("Password").fill(PASSWORD)
        visit.page.get_by_role("button", name="Sign in").click()
        visit.open(f"{person.home}/home")
        visit.page.get_by_role("link", name="Helpdesk").click()
        visit.check_all_looks()
        for subject in ("Printer", "x" * 120):
            visit.page.get_by_label("Subject").fill(subject)
            visit.click("Add ticket")
        expect(visit.page.get_by_text("Open", exact=True)).to_have_count(2)
        visit.check_all_looks()
        visit.page.get_by_label("Subject").fill(" ")
        visit.click("Add ticket")
        expect(visit.page.get_by_text("Fill in the subject.")).to_be_visible()
        visit.check_all_looks()


def test_a_subject_is_asked_for(helpdesk: Helpdesk) -> None:
    page = helpdesk.owner.browser.send(helpdesk.owner.open("/helpdesk"), "/helpdesk", "subject", subject=" ")
    assert page.status == 422
    assert "Fill in the subject." in page.text


def test_over_the_limit_nothing_is_stored_and_the_usage_page_says_so(helpdesk: Helpdesk) -> None:
    person = newcomer(helpdesk)
    allow(helpdesk.before, person.tenant, **{"helpdesk.tickets": 1})
    first, second = file(person), unique()
    page = person.browser.send(person.open("/helpdesk"), "/helpdesk", "subject", subject=second)
    assert page.status == 402
    assert "Open tickets: your plan allows no more" in page.text
    listed = person.open("/helpdesk").text
    assert (first in listed, second in listed) == (True, False)
    usage = person.open("/usage").text
    assert "Open tickets" in usage
    assert "1 of 1" in usage


def test_the_job_closes_the_ticket_once_and_makes_room_for_another(helpdesk: Helpdesk) -> None:
    person = newcomer(helpdesk)
    allow(helpdesk.before, person.tenant, **{"helpdesk.tickets": 1})
    file(person)
    assert used(helpdesk.before, person) == 1
    late = "UPDATE platform.jobs SET run_at = now(), due_at = now() WHERE name = 'helpdesk.close' AND tenant = :tenant"
    database.sql(helpdesk.before, late, tenant=person.tenant)
    eventually(lambda: "Closed" in person.open("/helpdesk").text)
    assert used(helpdesk.before, person) == 0
    assert "Open" in file_and_list(person)


def test_the_tenants_role_may_change_rows_of_the_table_and_not_the_table(helpdesk: Helpdesk) -> None:
    tenant, stranger = helpdesk.owner.tenant, helpdesk.stranger.tenant
    with helpdesk.before.app_context(), administrator() as connection:
        granted = connection.execute(
            sa.text(
                "SELECT pg_get_userbyid(c.relowner) AS owner, pg_get_userbyid(a.grantee) AS grantee, a.privilege_type"
                " FROM pg_class c CROSS JOIN aclexplode(c.relacl) AS a"
                " WHERE c.relnamespace = to_regnamespace(:schema) AND c.relname = :table"
            ),
            {"schema": tenant, "table": TABLE},
        ).all()
    assert {row.owner for row in granted} == {"fh_owner"}
    assert {row.grantee for row in granted} == {"fh_owner", tenant}
    rights = {row.privilege_type for row in granted if row.grantee == tenant}
    assert rights == {"SELECT", "INSERT", "UPDATE", "DELETE"}
    with context(helpdesk.before, stranger) as session, pytest.raises(StatementRefused):
        session.execute(sa.text(f'SELECT 1 FROM "{tenant}".{TABLE}'))
    with context(helpdesk.before, tenant) as session, pytest.raises(StatementRefused):
        session.execute(sa.text(f"DROP TABLE {TABLE}"))


def test_the_rules_for_ours_hold_for_it_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`./dev lint` reads the setting."""
    folder = write(tmp_path)
    monkeypatch.setenv("MODULES_DIR", str(folder))
    assert {source.path for source in sources(tmp_path)} == {
        "modules/helpdesk/__init__.py", "modules/helpdesk/migrations/0001_tickets.py",
    }  # fmt: skip
    assert lint.code_rules(tmp_path) == []
    path = folder / "helpdesk" / "migrations" / "0001_tickets.py"
    path.write_text(path.read_text().replace(" PRIMARY KEY", ""))
    assert [finding.rule for finding in lint.code_rules(tmp_path)] == ["citus-ddl"]  # the control


def test_without_the_module_its_tables_stay_and_everything_else_works(helpdesk: Helpdesk) -> None:
    """The application that does not know it, on the same database; then it comes back."""
    app = helpdesk.before
    subject = file(helpdesk.owner)
    with app.app_context():
        assert fleet.behind() == []
    assert database.migrate(app) == []
    browser = database.browser(app)
    owner = Person(browser, helpdesk.owner.email, helpdesk.owner.address, helpdesk.owner.tenant)
    sign_in(browser, owner.email)
    assert owner.open("/home").status == 200
    assert "Helpdesk" not in owner.open("/home").text
    assert owner.open("/helpdesk").status == 404
    assert owner.open("/usage").status == 200
    with context(app, owner.tenant) as session:
        kept = session.scalars(sa.text(f"SELECT subject FROM {TABLE}")).all()
    assert subject in kept

    with app.app_context():
        assert provisioning.refill() >= 0
    with app.app_context(), transaction():
        meanwhile = provisioning.claim("Meanwhile & Sons", f"shop-{unique()}").id
    run = "\n".join(commands()[:2])
    back = helpdesk.shell(run)
    assert back.returncode == 0, back.stderr
    assert TABLE in tables(app, meanwhile)
    assert subject in helpdesk.owner.open("/helpdesk").text


def test_the_generated_tests_pick_it_up_and_pass(helpdesk: Helpdesk) -> None:
    """The document's last command."""
    done = helpdesk.shell("\n".join(commands()))
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-3000:]
    assert "skipped" not in done.stdout.splitlines()[-1]


def file(person: Person) -> str:
    """Add a ticket on the page; returns its subject."""
    subject = f"Printer {unique()}"
    page = person.browser.send(person.open("/helpdesk"), "/helpdesk", "subject", subject=subject)
    assert page.status == 200, page.text
    assert subject in page.text
    return subject


def file_and_list(person: Person) -> str:
    file(person)
    return person.open("/helpdesk").text


def used(app: Flask, person: Person) -> int:
    ((n,),) = database.sql(
        app,
        "SELECT used FROM platform.usage WHERE tenant = :tenant AND resource = 'helpdesk.tickets'",
        tenant=person.tenant,
    )
    return int(n)


PLANTED = {
    "test_a_stranger_sees_and_changes_nothing": (
        "__init__.py",
        '    return jsonify(data=[{"id": t.id, "subject": t.subject, "open": t.open} for t in Ticket.newest(100)])\n',
        "    SEEN.extend(t.subject for t in Ticket.newest(100))\n    return jsonify(data=SEEN)\nSEEN = []\n",
    ),
    "test_each_role_may_what_the_table_of_permissions_says": (
        "__init__.py",
        "from tenants import extend\n",
        "from tenants import extend\nfrom tenants.members import permissions\npermissions.refuse = lambda *_: None\n",
    ),
    "test_a_job_run_twice_and_at_the_same_time_leaves_what_one_run_leaves": (
        "__init__.py",
        ", open=True).update",
        ").update",
    ),
    "test_models_and_migrations_agree": ("migrations/0001_tickets.py", "open boolean NOT NULL", "open boolean"),
}


def test_the_generated_tests_catch_what_a_module_gets_wrong(helpdesk: Helpdesk, tmp_path: Path) -> None:
    """A cache without its tenant, a check that is gone, a job that counts each time, a column of another kind."""
    folder = write(tmp_path)
    for name, right, wrong in PLANTED.values():
        path = folder / "helpdesk" / name
        assert right in path.read_text()
        path.write_text(path.read_text().replace(right, wrong))
    done = helpdesk.shell(f"export MODULES_DIR={folder}\n{commands()[-1]}")
    failed = {line.split("::")[1].split()[0] for line in done.stdout.splitlines() if line.startswith("FAILED")}
    assert failed == PLANTED.keys(), done.stdout[-6000:] + done.stderr[-3000:]
