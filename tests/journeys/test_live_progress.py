"""A long job is followed in a browser, by its workspace and by operators: the page changes and keeps the focus."""

from flask import Flask
from playwright.sync_api import expect

from tests.journeys import states
from tests.journeys.test_back_office import enter
from tests.support.database import sql
from tests.support.visit import Visit


def test_a_workspace_follows_its_job_to_the_end(app: Flask, visit: Visit) -> None:
    owner = states.opened(app)
    job = states.works(app, owner.tenant)
    visit.enter(owner.email)
    page = visit.open(visit.home(owner.address) + "/home")
    page.get_by_role("link", name="Jobs").click()
    visit.check()
    page.get_by_role("main").get_by_role("link", name="tests.long").click()
    visit.check()
    expect(page.get_by_text("1,204 of 5,000")).to_be_visible()
    crumb = page.get_by_role("main").get_by_role("link", name="Jobs")
    crumb.focus()
    goes_on(app, job, 4000)
    expect(page.get_by_text("4,000 of 5,000")).to_be_visible()
    expect(page.get_by_role("progressbar")).to_have_attribute("value", "80")
    expect(crumb).to_be_focused()
    ends(app, job)
    expect(page.get_by_text("It has ended.")).to_be_visible()
    visit.check()
    asked = list[str]()
    page.on("request", lambda request: asked.append(request.url))
    page.wait_for_timeout(3_000)
    assert asked == [], "who shows an end asks no further"


def test_an_operator_follows_a_job_with_the_focus_where_it_was(app: Flask, visit: Visit) -> None:
    owner = states.opened(app)
    job = states.works(app, owner.tenant)
    enter(app, visit)
    page = visit.open(f"/console/jobs/{job}")
    cancel = page.get_by_role("main").get_by_role("link", name="Cancel")
    cancel.focus()
    sql(app, "INSERT INTO platform.job_events (job, kind, text) VALUES (:job, 'log', 'row 4000')", job=job)
    goes_on(app, job, 4000)
    expect(page.get_by_text("4,000 of 5,000")).to_be_visible()
    expect(page.get_by_text("row 4000")).to_be_visible()
    expect(cancel).to_be_focused()
    ends(app, job)
    expect(page.get_by_role("status").get_by_text("Done")).to_be_visible()
    visit.check()


def goes_on(app: Flask, job: str, done: int) -> None:
    sql(app, "UPDATE platform.jobs SET done = :done WHERE id = :id", done=done, id=job)


def ends(app: Flask, job: str) -> None:
    sql(app, "UPDATE platform.jobs SET state = 'done', due_at = NULL, finished_at = now() WHERE id = :id", id=job)
