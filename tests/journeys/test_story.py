"""The story, in this process."""

from tests.support.people import Person


def test_an_owner_defines_a_collection_and_calls_its_api(owner: Person) -> None:
    owner.define("products", title="text!", price="number", sold_out="boolean", since="date")
    made = owner.api(
        "POST", "/collections/products/records", json={"title": "Bread", "price": 4.5, "since": "2026-01-31"}
    )
    assert made.status_code == 201, made.text
    listed = owner.api("GET", "/collections/products/records", host=owner.browser.site).json()
    assert listed["data"] == [made.json()]
    assert listed["data"][0]["price"] == 4.5
