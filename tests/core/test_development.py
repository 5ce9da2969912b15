"""Pages for developers."""

import html
from uuid import uuid4

import pytest
from flask import Flask

from saas.devstack.browser import Browser
from tests.support.database import mailed_link, sql
from tests.support.pages import heading, words
from tests.support.people import Person


def test_the_mailbox_shows_the_newest_mail_with_its_link(app: Flask, owner: Person, browser: Browser) -> None:
    page = browser.open("/dev/mailbox")
    assert owner.email in words(page)
    ((number,),) = sql(
        app,
        'SELECT id FROM platform.mails WHERE "to" = :email AND subject = :subject',
        email=owner.email,
        subject="Confirm your email",
    )
    assert f'href="/dev/mailbox/{number}"' in page.text
    letter = browser.open(f"/dev/mailbox/{number}")
    assert heading(letter) == "Confirm your email"
    assert f'<a href="{mailed_link(app, owner.email, "Confirm your email")}">' in letter.text


def test_a_mail_with_html_is_text(app: Flask, browser: Browser) -> None:
    number, nasty = uuid4(), '<script>alert(1)</script> http://x.example/"onclick=alert(1) & <b>bold</b>'
    sql(
        app,
        'INSERT INTO platform.mails (id, "to", subject, text, state)'
        " VALUES (:id, 'somebody@example.com', :text, :text, 'kept')",
        id=number,
        text=nasty,
    )
    for path in ("/dev/mailbox", f"/dev/mailbox/{number}"):
        page = browser.open(path)
        assert page.status == 200
        assert "<script>alert" not in page.text
        assert '"onclick=' not in page.text
        assert nasty in html.unescape(page.text) or path.endswith(str(number))
    assert nasty in words(page)


@pytest.mark.parametrize("number", ["0198f2c4-7a1e-7c55-9d0e-3b1f6a2c8e47", "1", "x"])
def test_a_mail_that_is_not_there_is_not_found(browser: Browser, number: str) -> None:
    assert browser.open(f"/dev/mailbox/{number}").status == 404


def test_the_pages_are_on_the_bare_host_only(owner: Person) -> None:
    assert owner.open("/dev/mailbox").url == f"{owner.browser.site}/dev/mailbox"
