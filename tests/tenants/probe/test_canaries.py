"""The probe's two tenants are put right by the next run, and are nobody's business."""

import pytest
from flask import Flask

from tenants import addresses, reclaim
from tenants.errors import BadAddress
from tenants.probe import canaries, visiting
from tests.support.database import browser as browser_of
from tests.support.database import sql
from tests.support.people import MakeBrowser, sign_up
from tests.support.threads import together

DAMAGE = {
    "its sessions are gone": "DELETE FROM platform.sessions WHERE user_id = :person",
    "its owner is gone": "DELETE FROM platform.users WHERE id = :person",
    "its owner is a member no more": "DELETE FROM platform.memberships WHERE user_id = :person",
    "its secrets can't be read": "UPDATE platform.canaries SET entry = 'x' WHERE tenant = :tenant",
    "nothing says that it is a canary": "DELETE FROM platform.canaries WHERE tenant = :tenant",
    "its plan allows nothing": 'UPDATE platform.tenants SET limits = \'{"records": 0, "api_calls": 0}\''
    " WHERE id = :tenant",
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_what_is_missing_is_made_anew(yard: Flask, damage: str) -> None:
    with yard.app_context():
        side, _other = canaries.ready()
    sql(yard, DAMAGE[damage], person=side.person, tenant=side.tenant)
    with yard.app_context():
        mended, other = canaries.ready()
        assert [tenant.id for tenant in canaries.known()] == [side.tenant, other.tenant]
        cookie, records = {"workspace": mended.entry.workspace}, f"/collections/{canaries.MARKERS}"
        answers = [
            visiting.get(mended.address, records, cookies=cookie),
            visiting.get(None, f"/api/v1{records}/records", key=mended.entry.key),
        ]
    assert [(answer.status, mended.marker in answer.text) for answer in answers] == [(200, True)] * 2


def test_a_tenant_that_is_gone_is_opened_again_with_another_sign(yard: Flask) -> None:
    with yard.app_context():
        side, other = canaries.ready()
    sql(yard, "DELETE FROM platform.tenants WHERE id = :id", id=side.tenant)
    with yard.app_context():
        again, same = canaries.ready()
    assert again.tenant != side.tenant
    assert again.sign != side.sign
    assert same.tenant == other.tenant


def test_opened_by_two_at_the_same_time_they_are_opened_once(yard: Flask) -> None:
    sql(yard, "DELETE FROM platform.tenants WHERE id IN (SELECT tenant FROM platform.canaries)")

    def ready() -> list[str]:
        with yard.app_context():
            return [side.tenant for side in canaries.ready()]

    one, other = together(ready, ready)
    assert one == other


def test_its_address_can_not_be_chosen_and_its_owner_can_not_sign_in(app: Flask, make_browser: MakeBrowser) -> None:
    with app.app_context():
        for address in canaries.ADDRESSES:
            with pytest.raises(BadAddress, match="This address can't be used") as refused:
                addresses.check(address)
            assert "single hyphens" in refused.value.fields["address"]
    assert sql(app, "SELECT 1 FROM platform.users WHERE email LIKE 'canary--_@%' AND password_hash IS NOT NULL") == []
    browser = make_browser()
    page = browser.send(browser.open("/forgot"), "", "email", email="canary--a@freehold.invalid")
    assert page.status == 422
    assert "not an email address" in page.text


def test_it_is_not_reclaimed(app: Flask) -> None:
    """Though it is as old as one that is, and its owner's email as unconfirmed."""
    stranger = sign_up(app, browser_of(app))
    with app.app_context():
        side, _other = canaries.ready()
    people = "UPDATE platform.users SET confirmed_at = NULL WHERE id = :person"
    sql(app, people, person=side.person)
    aged = "UPDATE platform.tenants SET opened_at = now() - interval '100 hours' WHERE id IN (:one, :two)"
    sql(app, aged, one=side.tenant, two=stranger.tenant)
    with app.app_context():
        reclaim.reclaim()
    assert sql(app, "SELECT id FROM platform.tenants WHERE id IN (:one, :two)", one=side.tenant,
               two=stranger.tenant) == [(side.tenant,)]  # fmt: skip
