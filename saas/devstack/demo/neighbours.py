"""Two more businesses: one whose payment fails, one that is about to outgrow the free plan."""

from datetime import date
from decimal import Decimal

from saas.devstack.demo.businesses import Business
from tenants.backend.collections.design import Collection, Field

HARBOUR = Business(
    "Harbour Cycles",
    "harbour-cycles",
    "nadia@example.com",
    "Nadia Rahman",
    (
        (
            Collection(
                "repairs",
                "Repairs",
                (
                    Field("bicycle", "text", True),
                    Field("fault", "text", True),
                    Field("due", "date"),
                    Field("done", "boolean"),
                ),
            ),
            (
                ("City bike, blue", "Back wheel is bent", date(2026, 5, 4), True),
                ("Cargo bike", "Brakes squeal", date(2026, 5, 6), True),
                ("Racing bike, Kestrel", "New chain", date(2026, 5, 7), False),
                ("Folding bike", "Hinge is loose", date(2026, 5, 11), False),
                ("Child's bike, red", "Flat tyre", None, False),
            ),
        ),
        (
            Collection("rentals", "Rentals", (Field("bicycle", "text", True), Field("a_day", "number", True))),
            (
                ("City bike", Decimal("14.00")),
                ("Electric bike", Decimal("32.00")),
                ("Cargo bike", Decimal("38.00")),
                ("Tandem", Decimal("29.00")),
            ),
        ),
    ),
)

LUMEN = Business(
    "Studio Lumen",
    "studio-lumen",
    "pieter@example.com",
    "Pieter de Wit",
    tuple(
        (Collection(label.lower(), label, (Field("title", "text", True), Field("note", "text"))), rows)
        for label, rows in (
            ("Shoots", (("Spring catalogue", "Daylight only"), ("Team portraits", None), ("Harbour at night", None))),
            ("Clients", (("Demo Bakery", "Bread, mostly"), ("Harbour Cycles", None))),
            ("Lenses", (("35 mm", None), ("85 mm", "At the repair shop"))),
            ("Invoices", (("Portraits, first part", "Sent"), ("Spring catalogue", "Not written yet"))),
        )
    ),
)
