"""The tour, chapter by chapter. Each one builds on those before, and raises Broken at what is not as promised."""

import json
import time
from collections.abc import Callable, Mapping

import requests

from saas.devstack.browser import Browser, Page
from saas.devstack.tour.killing import Worker, asked, begin_saas, saas, worker
from saas.devstack.tour.telling import Teller
from saas.devstack.tour.visitor import Visitor, expect, wait_for

_NEIGHBOUR = "demo"
_MARKER = "Sourdough loaf"  # in the neighbour's products
_WAITING, _ARRIVED = "Waiting for your first call", "Your first call has arrived"
_DECLINED, _GOOD = "4000 0000 0000 0002", "4242 4242 4242 4242"


class Story:
    """`stays`: whether the stack goes on running behind the tour."""

    def __init__(self, settings: Mapping[str, str], teller: Teller, *, stays: bool = True) -> None:
        self.settings, self.tell, self.stays = settings, teller, stays
        self.visitor = Visitor(settings["SITE_URL"])
        self.lost = ""  # the job whose worker was killed
        self.asked: list[str] = []

    def run(self) -> None:
        self._signs_up()
        self._calls()
        with worker(self.settings) as helper:
            self._kills(helper)
        if self.settings.get("STRIPE_API_URL"):
            self._pays()
        self._looks_next_door()
        self._comes_back_to_the_job()
        self._ends()

    def _signs_up(self) -> None:
        you, tell = self.visitor, self.tell
        tell.chapter("1  A business signs up")
        tell.say("The form asks for a name, an address, an email and a password; nothing else stands in between.")
        tell.did(f"POST {you.site}/sign-up  business={you.business!r} address={you.address} email={you.email}")
        began = time.monotonic()
        page = you.sign_up()
        tell.came(f"{page.status}  {page.url}  after {(time.monotonic() - began) * 1000:.0f} ms")
        tell.good("A workspace is open, with a PostgreSQL schema and role of its own.")
        you.define_orders()
        you.make_key()
        tell.say("On its pages you make a collection, orders, which is a real table, and an API key.")

    def _calls(self) -> None:
        you, tell = self.visitor, self.tell
        tell.chapter("2  The first call turns a line green")
        page = self._home()
        expect(_WAITING in page.text and "data-waiting" in page.text, f"“{_WAITING}” at {page.url}")
        tell.say(f"{page.url} says “{_WAITING}”. So, in a terminal:")
        command, answer = you.add_order()
        tell.did(command)
        tell.came(answer.strip())
        expect('"Rye bread"' in answer, f"the order as JSON, not {answer!r}")
        page = self._home()
        expect(_ARRIVED in page.text and "data-waiting" not in page.text, f"“{_ARRIVED}” at {page.url}")
        tell.good(f"The page says “{_ARRIVED}”. In a browser that waits there the line turns green by itself.")

    def _kills(self, helper: Worker) -> None:
        you, tell = self.visitor, self.tell
        tell.chapter("3  A worker is killed in the middle of its job")
        tell.say(
            f"The stack has one worker for fast jobs; the tour has started another, process {helper.pid}. Now two slow"
            " reports about the orders are asked for, one for each of them."
        )
        tell.did(f"./dev saas demo report {you.address} orders --times 2")
        asking = begin_saas(self.settings, "demo", "report", you.address, "orders", "--times", "2")
        try:
            self.lost = wait_for("the worker to begin a report", helper.begun)
            status = helper.kill()
        finally:
            self.asked = asked(asking).split()
        tell.came(f"process {helper.pid} began job {self.lost}")
        tell.did(f"kill -9 {helper.pid}")
        tell.came(f"process {helper.pid} ended with status {status}, its job not done")
        expect(status == -9, f"status -9, not {status}")
        expect(self.lost in self.asked, f"one of the jobs {self.asked}, not {self.lost}")
        expect(self.lost not in self._reported(), f"no report of job {self.lost} yet")
        tell.say("Nobody cleans up after it: its lease on the job runs out in some seconds. Meanwhile, on we go.")

    def _pays(self) -> None:
        you, tell = self.visitor, self.tell
        tell.chapter("4  The business pays")
        tell.say("Free allows 1,000 records, Starter 20,000. The card is entered on a page of Stripe's stand-in.")
        page = you.browser.open(f"{you.home}/billing/choose?plan=starter&interval=month")
        tell.did(f"POST {you.home}/billing/checkout  plan=starter interval=month")
        checkout = you.browser.send(page, "/billing/checkout")
        short = checkout.url[:-50] + "…"
        tell.came(f"{checkout.status}  {short}")
        card = {"expiry": "12/34", "cvc": "123", "name": you.business}
        tell.did(f"POST {short}  number='{_DECLINED}'")
        declined = you.browser.send(checkout, "", "number", number=_DECLINED, **card)
        tell.came(f"{declined.status}  Your card was declined.")
        expect(declined.status == 402 and "Your card was declined." in declined.text, "the card to be declined")
        expect(self._records_allowed() == "1,000", "the free plan's limit after a declined card")
        tell.did(f"POST {short}  number='{_GOOD}'")
        returned = you.browser.send(checkout, "", "number", number=_GOOD, **card)
        tell.came(f"{returned.status}  {returned.url}")
        expect(returned.url.startswith(f"{you.home}/billing/return"), f"the way back, not {returned.url}")
        wait_for("the webhook", lambda: "You are on Starter" in you.browser.open(returned.url).text)
        expect(self._records_allowed() == "20,000", "Starter's limit after the payment")
        tell.good("The webhook has come: the page says “You are on Starter”, and 20,000 records are allowed.")

    def _looks_next_door(self) -> None:
        you, tell = self.visitor, self.tell
        tell.chapter("5  The neighbour's data stays the neighbour's")
        neighbour, door = you.on(_NEIGHBOUR), "/collections/products"
        tell.say(f"Demo Bakery sells “{_MARKER}”. Its owner sees it; may you, with your session and your key?")
        owner = Browser(you.site)
        owner.open(json.loads(saas(self.settings, "demo", "links"))["workspace_link"])
        seen = owner.open(neighbour + door)
        expect(seen.status == 200 and _MARKER in seen.text, f"“{_MARKER}” for the owner, at {seen.url}")
        tell.came(f"the owner      GET {seen.url}: {seen.status}, with “{_MARKER}”")
        api = f"/api/v1{door}/records"
        tries: dict[str, Callable[[], requests.Response]] = {
            "your session": lambda: you.browser.open(neighbour + door).response,
            "your key": lambda: you.call("GET", neighbour + api),
            "no key": lambda: Browser(you.site).request("GET", neighbour + api),
            "your key, bare": lambda: you.call("GET", you.site + api),
        }
        refused = {"your session": 403, "your key": 401, "no key": 401, "your key, bare": 404}
        for who, ask in tries.items():
            answer = ask()
            where = you.site if who.endswith("bare") else neighbour
            path = door if who == "your session" else api
            tell.came(f"{who:<14} GET {where}{path}: {answer.status_code}")
            expect(_MARKER not in answer.text, f"no “{_MARKER}” for {who}")
            expect(answer.status_code == refused[who], f"{refused[who]} for {who}, not {answer.status_code}")
        tell.good("Refused each time. On the bare host your key names your own schema, which has no such collection.")

    def _comes_back_to_the_job(self) -> None:
        you, tell = self.visitor, self.tell
        tell.chapter("6  The job is done all the same")
        tell.did(f"curl -H 'Authorization: Bearer …' {you.site}/api/v1/collections/reports/records")
        wait_for(f"job {self.lost} to be done", lambda: self.lost in self._reported() or None)
        reports = wait_for("both reports", lambda: found if len(found := you.reports()) >= len(self.asked) else None)
        for report in reports:
            tell.came(f"job {report['job']}: {report['records']} order counted, done at try {report['tries']}")
        jobs = [report["job"] for report in reports]
        expect(sorted(jobs) == sorted(self.asked), f"one report for each of {self.asked}, not {jobs}")
        tries = {report["job"]: report["tries"] for report in reports}
        expect(tries[self.lost] == 2, f"the killed job at its second try, not {tries[self.lost]}")
        tell.good("Another worker did it at the second try, and its effect is there once.")

    def _ends(self) -> None:
        you, tell = self.visitor, self.tell
        tell.chapter("That was the tour")
        tell.say("You saw a sign-up, a call, a killed worker, a payment and closed doors; nothing of it was staged.")
        if not self.stays:
            tell.say("The stack was started for the tour and ends with it. ./dev run starts one that stays.")
            return
        tell.say("What the tour opened stays for you to look at:")
        paid = f"{you.home}/billing"
        rows = {
            "Your workspace": f"{you.home}/home  (sign in: {you.email}  {you.password})",
            "Its plan": paid,
            "Mails": f"{you.site}/dev/mailbox",
            "Back office": f"{you.site}/console  (the link to enter is where ./dev run printed it)",
        }
        for name, value in rows.items():
            tell.came(f"{name:<15} {value}")

    def _home(self) -> Page:
        return self.visitor.browser.open(f"{self.visitor.home}/home")

    def _reported(self) -> list[str]:
        """The jobs whose report is there."""
        return [report["job"] for report in self.visitor.reports()]

    def _records_allowed(self) -> str:
        """As the page about usage says."""
        text = self.visitor.browser.open(f"{self.visitor.home}/usage").text
        return "20,000" if "20,000" in text else "1,000" if "1,000" in text else ""
