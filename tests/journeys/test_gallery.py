"""Every page as it looks full, empty, failing, past due and with the longest names: in light and dark, wide and narrow,
axe finds nothing and nothing scrolls sideways.
"""

import re
from collections.abc import Iterable

from flask import Flask
from playwright.sync_api import expect

from saas.accounts import codes, service
from saas.accounts.models import Purpose
from saas.core.database import transaction
from tenants.members.models import Role
from tests.journeys import earning, states
from tests.journeys.states import LONG
from tests.support import operators
from tests.support.books import books
from tests.support.database import browser, sql
from tests.support.payments import Stripe, choose
from tests.support.people import Person, allow, join, sign_up, unique
from tests.support.visit import NARROW, WIDE, Visit

NEVER = "A" * 43  # the secret of a link that nobody was sent
NOWHERE = "01a20495-0000-7000-8000-000000000000"


def test_pages_for_everybody(app: Flask, visit: Visit) -> None:
    look(visit, visit.site, ["/", "/pricing", "/pricing?interval=year", "/sign-up", "/sign-up?plan=growth"])
    look(visit, visit.site, ["/sign-up?plan=nonsense", "/sign-in", "/forgot", "/design"])
    owner = states.opened(app)
    new = states.invite(app, owner, f"new-{unique()}@example.com")
    known = states.invite(app, owner, states.opened(app).email)
    look(visit, visit.site, [new[1], known[1], secret(app, owner, Purpose.CONFIRM), secret(app, owner, Purpose.RESET)])
    visit.mail("Join ", new[0], "/invitations/")
    visit.check_all_looks()
    look(visit, visit.site, ["/dev/mailbox"])


def test_a_full_workspace(app: Flask, visit: Visit, stripe: Stripe) -> None:
    business = states.full(app, count=52)  # so that there are two pages of them
    owner = business.owner
    states.pays(app, owner)
    states.nobody_looks(app, owner.address)
    states.has_more(owner)
    allow(app, owner.tenant, seats=4, records=60, collections=1, storage=1)  # some near their end, some at it
    visit.enter(owner.email)
    visit.check_all_looks()
    records = f"/collections/{business.collection}"
    look(visit, visit.home(owner.address), [page for page in business.pages if page != records])
    visit.open(visit.home(owner.address) + records)  # in one look, since of so many rows each takes seconds
    visit.page.get_by_role("link", name="Next page").click()
    expect(visit.page.get_by_role("link", name="First page")).to_be_visible()
    visit.check_all_looks()
    look(visit, visit.site, ["/account", "/account/sessions", business.invitation])
    (checkout,) = sql(app, "SELECT id FROM platform.checkouts WHERE tenant = :t", t=owner.tenant)
    for state in ("complete", "failed", "expired", "open"):
        sql(app, "UPDATE platform.checkouts SET state = :s WHERE id = :id", s=state, id=checkout.id)
        look(visit, visit.home(owner.address), [f"/billing/return?checkout={checkout.id}"])
    look(visit, visit.home(owner.address), [f"/billing/return?checkout={checkout.id}&cancelled=1", "/billing"])
    open_what_opens(visit, visit.home(owner.address), business.collection)


def test_a_fresh_workspace(app: Flask, visit: Visit) -> None:
    owner = sign_up(app, browser(app))  # whose email nobody has confirmed
    visit.enter(owner.email)
    visit.check_all_looks()
    home = visit.home(owner.address)
    look(
        visit, home, ["/home", "/collections", "/collections/new", "/keys", "/team", "/usage", "/jobs", *states.PAYING]
    )
    owner.define("notes", text="text")
    look(visit, home, ["/collections/notes", "/collections/notes/drop"])
    owner.key()
    look(visit, home, ["/home"])  # waits for the first call
    look(visit, visit.site, ["/account", "/account/sessions"])
    viewer = join(app, owner, browser(app), Role.VIEWER)
    sql(app, "DELETE FROM platform.memberships WHERE user_id = (SELECT id FROM platform.users WHERE email = :e)",
        e=viewer.email)  # fmt: skip
    visit.enter(viewer.email)
    visit.check_all_looks()


def test_a_workspace_that_is_past_due(app: Flask, visit: Visit, stripe: Stripe) -> None:
    business = states.full(app)
    states.falls_behind(app, stripe, business.owner)
    visit.enter(business.owner.email)
    look(visit, visit.home(business.owner.address), ["/home", "/collections", "/keys", "/team", *states.PAYING])
    expect(visit.page.get_by_text("The last payment failed.")).to_be_visible()
    viewer = join(app, business.owner, browser(app), Role.VIEWER)
    visit.enter(viewer.email)
    look(visit, visit.home(business.owner.address), ["/home", f"/collections/{business.collection}", "/team"])
    expect(visit.page.get_by_text("Ask an owner of this workspace to update the card.")).to_be_visible()


def test_a_workspace_with_the_longest_names(app: Flask, visit: Visit, stripe: Stripe) -> None:
    business = states.full(app, LONG)
    owner = business.owner
    states.pays(app, owner)
    allow(app, owner.tenant, records=3)
    visit.enter(owner.email)
    visit.check_all_looks()
    home = visit.home(owner.address)
    look(visit, home, business.pages)
    look(visit, visit.site, ["/account", "/account/sessions", business.invitation])
    open_what_opens(visit, home, business.collection)
    visit.page.context.clear_cookies()
    look(visit, visit.site, [business.invitation])
    visit.enter(office(app, visit))
    enrol(visit)
    look(visit, visit.site, [f"/console?q={owner.address}", f"/console/tenants/{owner.tenant}", "/console/audit"])
    look(visit, visit.site, [f"/console/tenants/{owner.tenant}/actions/suspend"])
    suspend(visit, "R" * 200)
    look(visit, visit.site, [f"/console/tenants/{owner.tenant}"])
    visit.enter(owner.email)
    look(visit, home, ["/home"])


def test_forms_that_came_back(app: Flask, visit: Visit) -> None:
    send_badly(visit, "/sign-up", "Create workspace", business="W" * 200, email="nobody", password="short")
    send_badly(visit, "/sign-in", "Sign in", email="nobody@example.com", password="wrong")
    send_badly(visit, "/forgot", "Mail me a link", email="x" * 250 + "@example.com")
    owner = states.opened(app)
    send_badly(visit, secret(app, owner, Purpose.RESET), "", password="short")
    path = states.invite(app, owner, f"new-{unique()}@example.com")[1]
    send_badly(visit, path, "Create account and join", name="M" * 201, password="short")
    owner.define("orders", customer="text!", price="number", due_date="date")
    assert owner.api("POST", "/collections/orders/records", json={"customer": "Ada"}).ok
    visit.enter(owner.email)
    send_badly(visit, "/account", "Save", name="M" * 201)
    home, (record,) = visit.home(owner.address), owner.api("GET", "/collections/orders/records").json()["data"]
    send_badly(visit, f"{home}/collections/new", "Create collection", label="L" * 81, name="Not a name")
    send_badly(visit, f"{home}/collections/orders/records/{record['id']}", "Save", **{"value-price": "x" * 200})
    send_badly(visit, f"{home}/collections/orders/drop", "Delete collection", name="wrong")
    send_badly(visit, f"{home}/keys", "Create key", label="L" * 81)
    send_badly(visit, f"{home}/team", "Invite", email="nobody")
    visit.page.goto(f"{home}/collections/orders")
    visit.page.get_by_role("button", name="Add record").first.click()
    dialog = visit.page.get_by_role("dialog")
    dialog.get_by_label("price").fill("four")
    dialog.locator("form").evaluate("form => form.noValidate = true")
    dialog.get_by_role("button", name="Add record").click()
    expect(visit.page.get_by_text("Must be a number")).to_be_visible()
    visit.check_all_looks()


def test_doors_that_stay_shut(app: Flask, visit: Visit, stripe: Stripe) -> None:
    owner = states.opened(app)
    viewer = join(app, owner, browser(app), Role.VIEWER)
    home = visit.home(owner.address)
    used = [f"/confirm/{NEVER}", f"/reset/{NEVER}", f"/link/{NEVER}", f"/invitations/{NEVER}"]
    look(visit, visit.site, ["/nowhere", *used], heading="nothing here|no longer works")
    visit.enter(viewer.email)
    look(visit, home, ["/keys", "/billing", "/collections/new"], heading="Your role does not allow this")
    visit.enter(states.opened(app).email)
    look(visit, home, ["/home"], heading="You are not a member")
    look(visit, visit.home("nobody-has-this"), ["/home"], heading="There is no workspace")
    visit.enter(owner.email)
    gone = ["/nowhere", "/collections/none", f"/team/{NOWHERE}", f"/billing/return?checkout={NOWHERE}"]
    look(visit, home, [*gone, "/billing/choose?plan=nonsense"], heading="There is no")
    look(visit, home, ["/billing/pay/charged?ticket=old"], heading="This form can't be used any more")
    cross_the_limits(app, visit, owner)
    meet_stripe_away(app, visit, stripe, owner)
    sql(app, "UPDATE platform.tenants SET suspended_at = now(), suspended_reason = 'Spam.' WHERE id = :t",
        t=owner.tenant)  # fmt: skip
    look(visit, home, ["/home", "/keys"], heading="This workspace is suspended")


def test_the_back_office(app: Flask, visit: Visit, stripe: Stripe) -> None:
    business = states.full(app)
    tenant = f"/console/tenants/{business.owner.tenant}"
    states.pays(app, business.owner)
    email = office(app, visit)
    visit.enter(email, "/console")
    visit.check_all_looks()
    send_badly(visit, "", "Turn on", code="000000")
    enrol(visit)
    look(visit, visit.site, ["/console", "/console?q=nothing-like-this", "/console?status=suspended&sort=-records"])
    look(visit, visit.site, ["/console/audit", "/console/audit?actor=nobody", tenant])
    look_at_jobs(app, visit, business)
    look_at_revenue(app, visit)
    look(visit, visit.site, ["/console/second-factor/codes"])
    with states.crossing(app):
        look(visit, visit.site, ["/console", "/console/isolation"])
    look(visit, visit.site, ["/console/isolation"])
    visit.page.goto(visit.site + tenant)
    actions = visit.page.locator(f"main a[href*='{tenant}/actions/']").all()
    look(visit, visit.site, [action.get_attribute("href") or "" for action in actions])
    send_badly(visit, tenant, "Keep note")
    send_badly(visit, f"{tenant}/actions/suspend", "Suspend", reason="x")
    visit.page.context.clear_cookies()
    visit.enter(email, "/console")
    visit.check_all_looks()
    send_badly(visit, "", "Continue", code="000000")


def look_at_jobs(app: Flask, visit: Visit, business: states.Business) -> None:
    ended = {"queue": "fast", "due_at": None, "error": "ValueError: " + "e" * 400}
    dead = states.works(app, business.owner.tenant, LONG.text, state="dead", **ended)
    kept = states.works(app, None, state="waiting", name="n" * 80, reason="R" * 500)
    pages = ["", "/list", "/list?state=kept", "/list?q=nothing-like-this", "/schedules", f"/{dead}", f"/{kept}"]
    actions = [
        f"dismiss/{dead}",
        f"cancel/{kept}",
        "pause-queue/fast",
        "pause-schedule/core.sweep",
        "dismiss-kind/none",
    ]
    pages += [f"/{business.job}", *(f"/actions/{action}" for action in actions)]
    look(visit, visit.site, [f"/console/jobs{page}" for page in pages])
    send_badly(visit, f"/console/jobs/actions/cancel/{kept}", "Cancel", reason="x")


def look_at_revenue(app: Flask, visit: Visit) -> None:
    """Full, of one plan, where it does not add up, and with nothing; three kinds of lists, and one without a row."""
    with books(app) as made:
        earning.year(made)
        shown = f"currency={made.currency}&month=2026-11"
        lists = [f"/list?what={what}&{shown}" for what in ("expansion", "end", "overdue", "trials", "moved-in")]
        pages = [f"?{shown}", f"?{shown}&plan=growth", f"?currency={made.currency}&month=2024-01", *lists]
        look(visit, visit.site, [f"/console/revenue{page}" for page in pages])
        made.double("churn")
        look(visit, visit.site, [f"/console/revenue?{shown}"])


def look(visit: Visit, host: str, paths: Iterable[str], heading: str = "") -> None:
    for path in paths:
        visit.page.goto(host + path)
        if heading:
            expect(visit.page.get_by_role("heading", level=1)).to_have_text(re.compile(heading))
        visit.check_all_looks()


def send_badly(visit: Visit, url: str, button: str, **values: str) -> None:
    """Fill in a page's form in a way that is refused, and look at what comes back; "" is the page that is open."""
    page = visit.page
    if url:
        page.goto(url if "://" in url else visit.site + url)
    main = page.get_by_role("main")
    form = main.locator("form").filter(has=page.get_by_role("button", name=re.compile(button))).last
    form.evaluate("form => form.noValidate = true")
    for name, value in values.items():
        form.locator(f"[name='{name}']").evaluate("field => field.removeAttribute('maxlength')")
        form.locator(f"[name='{name}']").fill(value)
    form.get_by_role("button", name=re.compile(button)).last.click()
    expect(page.get_by_role("alert").first).to_be_visible()
    visit.check_all_looks()


def open_what_opens(visit: Visit, home: str, collection: str) -> None:
    """Dialogs, and the menu of a narrow window."""
    page = visit.page
    for path, name in ((f"/collections/{collection}", "Add record"), ("/keys", "Revoke"), ("/team", "Revoke")):
        page.goto(home + path)
        page.get_by_role("button", name=re.compile(f"^{name}")).first.click()
        expect(page.get_by_role("dialog")).to_be_visible()
        visit.check_all_looks()
    page.goto(f"{home}/billing")
    page.get_by_role("button", name="Cancel the plan").click()
    visit.check_all_looks()
    page.set_viewport_size({"width": NARROW, "height": 900})
    page.goto(f"{home}/home")
    page.get_by_role("button", name="Menu").click()
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    visit.check()
    page.set_viewport_size({"width": WIDE, "height": 900})


def cross_the_limits(app: Flask, visit: Visit, owner: Person) -> None:
    page, home = visit.page, visit.home(owner.address)
    owner.define("notes", text="text")
    allow(app, owner.tenant, records=0, seats=2, collections=1)
    page.goto(f"{home}/collections/notes")
    page.get_by_role("button", name="Add record").first.click()
    page.get_by_role("dialog").get_by_role("button", name="Add record").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("The plan's limit is reached")
    visit.check_all_looks()
    page.goto(f"{home}/team")
    page.get_by_label("Email").fill(f"new-{unique()}@example.com")
    page.get_by_role("button", name="Invite").click()
    expect(page.get_by_role("alert")).to_contain_text("Every seat is taken, so nobody was invited.")
    visit.check_all_looks()


def meet_stripe_away(app: Flask, visit: Visit, stripe: Stripe, owner: Person) -> None:
    visit.expected += ("status of 503",)
    visit.page.goto(f"{visit.home(owner.address)}/billing/choose?plan=starter&interval=month")
    stripe.fail()
    visit.page.get_by_role("button", name="Continue to payment").click()
    expect(visit.page.get_by_role("heading", level=1)).to_have_text("Payments can't be reached just now")
    visit.check_all_looks()
    stripe.mend()
    choose(owner)
    look(visit, visit.home(owner.address), ["/billing"])
    expect(visit.page.get_by_text("A payment for Starter is under way.")).to_be_visible()


def office(app: Flask, visit: Visit) -> str:
    """The email of somebody who may enter the back office."""
    return operators.newcomer(app, browser(app)).email


def enrol(visit: Visit) -> None:
    page = visit.page
    if not page.url.endswith("/set-up") and "second-factor" not in page.url:
        page.goto(f"{visit.site}/console")
    key = page.get_by_text(re.compile("^[A-Z2-7]{32}$")).inner_text()
    page.get_by_label("Code").fill(operators.code(key))
    page.get_by_role("button", name="Turn on").click()
    expect(page.get_by_role("heading", name="Keep these recovery codes now")).to_be_visible()
    visit.check_all_looks()


def suspend(visit: Visit, text: str) -> None:
    page = visit.page
    for field in page.get_by_role("main").get_by_role("textbox").all():
        field.fill(text)
    page.get_by_role("main").get_by_role("button", name="Suspend").click()
    expect(page.get_by_role("status").first).to_be_visible()


def secret(app: Flask, person: Person, purpose: Purpose) -> str:
    """The path of a link that is sent by mail."""
    with app.app_context(), transaction():
        return f"/{purpose}/{codes.issue(purpose, service.by_email(person.email).id)}"
