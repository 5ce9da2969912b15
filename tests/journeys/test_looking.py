"""The look at a page finds each kind of fault: planted here, one by one."""

import pytest

from tests.journeys.keyboard import Keyboard
from tests.support.visit import LOOKS, Visit

PLANTED = {
    "label: ": "document.querySelector('label').remove()",
    "color-contrast: ": "document.querySelector('h1').style.color = 'light-dark(#eee, #222)'",
    "scrolls sideways by ": "document.querySelector('h1').style.width = '2000px'",
}


@pytest.mark.parametrize("fault", PLANTED)
def test_a_fault_is_found_in_each_look(visit: Visit, fault: str) -> None:
    visit.open("/sign-in").evaluate(PLANTED[fault])
    visit.check_all_looks()
    told = [complaint for complaint in visit.complaints if fault in complaint]
    assert [any(f"({scheme}, {width} px)" in complaint for complaint in told) for scheme, width in LOOKS] == [True] * 4
    visit.complaints.clear()


def test_what_a_policy_or_the_console_says_is_a_complaint(visit: Visit) -> None:
    page = visit.open("/sign-in")
    assert visit.complaints == []
    page.evaluate("document.body.append(Object.assign(document.createElement('script'), {textContent: '1'}))")
    page.evaluate("console.warn('careful')")
    page.evaluate("fetch('/static/nothing.js')")
    page.evaluate("new Promise((done) => setTimeout(() => { setTimeout(done); throw new Error('thrown') }))")
    page.goto(f"{visit.site}/nowhere")  # which is no complaint: the page says so itself
    for part in ("Content Security Policy", "careful", "status of 404", "thrown"):
        assert any(part in complaint for complaint in visit.complaints), part
    assert len(visit.complaints) == 4
    visit.complaints.clear()


def test_a_focus_that_can_not_be_seen_is_told(visit: Visit) -> None:
    page, keys = visit.open("/sign-in"), Keyboard(visit)
    keys.to(page.get_by_label("Email"))
    page.get_by_label("Password").evaluate("field => field.style.outline = 'none'")
    with pytest.raises(AssertionError, match="the focus can't be seen"):
        keys.to(page.get_by_label("Password"))
    page.get_by_label("Password").evaluate("field => field.style.outline = '2px solid red'")
    with pytest.raises(AssertionError, match="looks the same with the focus"):
        keys.to(page.get_by_role("main").get_by_role("button", name="Sign in"), "Shift+Tab")
