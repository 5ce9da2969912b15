"""Demo Bakery: what it sells, to whom, and its orders."""

from datetime import date
from decimal import Decimal
from itertools import cycle, islice

from saas.devstack.demo.businesses import Business, Rows
from tenants.backend.collections.design import Collection, Field

_PRODUCTS = Collection(
    "products",
    "Products",
    (
        Field("title", "text", True),
        Field("price", "number", True),
        Field("in_stock", "boolean"),
        Field("since", "date"),
    ),
)
_CUSTOMERS = Collection(
    "customers", "Customers", (Field("name", "text", True), Field("email", "text"), Field("city", "text"))
)
_ORDERS = Collection(
    "orders",
    "Orders",
    (
        Field("customer", "text", True),
        Field("product", "text", True),
        Field("quantity", "number", True),
        Field("ordered_on", "date"),
        Field("paid", "boolean"),
    ),
)

_SOLD: Rows = (
    ("Sourdough loaf", Decimal("4.80"), True, date(2025, 3, 1)),
    ("Rye bread", Decimal("4.20"), True, date(2025, 3, 1)),
    ("Spelt loaf", Decimal("5.40"), True, date(2025, 4, 14)),
    ("Baguette", Decimal("2.10"), True, date(2025, 4, 14)),
    ("Focaccia with rosemary", Decimal("6.50"), True, date(2025, 5, 2)),
    ("Potato rolls, six", Decimal("3.30"), True, date(2025, 5, 12)),
    ("Butter croissant", Decimal("1.90"), True, date(2025, 5, 12)),
    ("Almond croissant", Decimal("2.70"), True, date(2025, 6, 20)),
    ("Pain au chocolat", Decimal("2.20"), True, date(2025, 6, 20)),
    ("Cinnamon roll", Decimal("2.60"), False, date(2025, 9, 3)),
    ("Cardamom bun", Decimal("2.60"), True, date(2025, 9, 3)),
    ("Plum crumble slice", Decimal("3.20"), False, date(2025, 9, 22)),
    ("Cheesecake, whole", Decimal("26.00"), True, date(2025, 11, 7)),
    ("Carrot cake, whole", Decimal("24.50"), True, date(2025, 11, 7)),
    ("Stollen", Decimal("14.00"), False, date(2025, 11, 28)),
    ("Apple tart", Decimal("18.50"), True, date(2026, 1, 20)),
    ("Lemon tart", Decimal("19.00"), True, date(2026, 2, 9)),
    ("Oat biscuits, bag", Decimal("4.90"), True, None),
)

_BUYERS: Rows = (
    ("Café Nordlicht", "hello@nordlicht.example", "Hamburg"),
    ("Amira Haddad", "amira@example.com", "Leipzig"),
    ("Hotel Seeblick", "kitchen@seeblick.example", "Konstanz"),
    ("Jonas Weber", None, "Leipzig"),
    ("Sofia Rossi", "sofia.rossi@example.com", "Leipzig"),
    ("Kita Regenbogen", "kueche@regenbogen.example", "Leipzig"),
    ("Bistro Le Pont", "bonjour@lepont.example", "Halle"),
    ("Mateusz Nowak", "mateusz@example.com", "Dresden"),
    ("Green Fork Catering", "orders@greenfork.example", "Leipzig"),
    ("Ingrid Solberg", "ingrid@example.com", "Berlin"),
    ("Theatre canteen", "canteen@theatre.example", "Leipzig"),
    ("Owen Murphy", None, "Halle"),
    ("Yuki Tanaka", "yuki@example.com", "Berlin"),
    ("Office Park South", "reception@parksouth.example", "Markkleeberg"),
    ("Elif Demir", "elif@example.com", "Leipzig"),
    ("Riverside Guesthouse", "stay@riverside.example", "Grimma"),
)

_MANY = 48  # orders


def _orders() -> Rows:
    """The same each time, and as uneven as orders are."""
    buyers = islice(cycle(_BUYERS), 3, None, 5)
    sold = islice(cycle(_SOLD), 6, None, 7)
    amounts = cycle((Decimal(40), Decimal(12), Decimal(1), Decimal(30), Decimal(6), Decimal(2), Decimal(18)))
    return tuple(
        (buyer[0], product[0], amount, date(2026, 1 + number // 12, 2 + number % 12 * 2), number % 9 not in {4, 7})
        for number, buyer, product, amount in zip(range(_MANY), buyers, sold, amounts, strict=False)
    )


BAKERY = Business(
    "Demo Bakery",
    "demo",
    "owner@example.com",
    "Mara Lindgren",
    ((_PRODUCTS, _SOLD), (_CUSTOMERS, _BUYERS), (_ORDERS, _orders())),
)
