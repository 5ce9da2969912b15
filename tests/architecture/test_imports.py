"""import-linter's contracts, shown to bite on a copy of the checkout."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

LINT_IMPORTS = Path(sys.executable).with_name("lint-imports")

# Each in a file of its own: what is planted, which contract it breaks, and how that is reported.
FAULTS = [
    ("tenants/planted1.py", "import billing", "One way", "tenants.planted1 -> billing"),
    ("tenants/planted2.py", "from saas.signup import x", "One way", "tenants.planted2 -> saas.signup"),
    ("billing/planted3.py", "import saas.app", "One way", "billing.planted3 -> saas.app"),
    ("migrations/planted4.py", "import billing", "One way", "migrations.planted4 -> billing"),
    ("saas/core/planted5.py", "import tenants", "One way", "saas.core.planted5 -> tenants"),
    ("saas/core/planted6.py", "import saas.accounts", "Every room has a place", "planted6 -> saas.accounts"),
    ("saas/accounts/planted7.py", "def f():\n    import tenants", "One way", "planted7 -> tenants"),
    ("saas/console/planted8.py", "import saas.signup", "Every room has a place", "planted8 -> saas.signup"),
    ("saas/planted9/__init__.py", "", "Every room has a place", "saas.planted9"),
    ("saas/planted10.py", "", "Every room has a place", "saas.planted10"),
    ("saas/signup/planted11.py", "import stripe", "Stripe only at the gateway", "planted11 -> stripe"),
    (
        "saas/core/planted12.py",
        "from stripe.error import X",
        "Stripe only at the gateway",
        "planted12 -> stripe",
    ),
    ("tenants/planted13.py", "import stripe", "Stripe only at the gateway", "tenants.planted13 -> stripe"),
    ("billing/planted14.py", "import stripe", "Stripe only at the gateway", "billing.planted14 -> stripe"),
]


@pytest.fixture(scope="module")
def faulty(tmp_path_factory: pytest.TempPathFactory, copy: Callable[[Path], Path]) -> dict[str, str]:
    """The report on a copy with all the faults."""
    checkout = copy(tmp_path_factory.mktemp("faulty"))
    for path, code, _, _ in FAULTS:
        plant(checkout, path, code)
    return broken(checkout)


def broken(checkout: Path) -> dict[str, str]:
    """What is said of each contract that the copy breaks."""
    command = [LINT_IMPORTS, "--no-cache", "--no-logo"]
    done = subprocess.run(command, cwd=checkout, capture_output=True, text=True, check=False)
    summary, _, details = done.stdout.partition("Broken contracts")
    assert "Contracts: " in summary, done.stdout + done.stderr
    names = [line.removesuffix(" BROKEN") for line in summary.splitlines() if line.endswith(" BROKEN")]
    assert bool(names) == bool(done.returncode)
    return {name: details.partition(f"\n{name}\n---")[2].partition("\n---")[0] for name in names}


def plant(checkout: Path, path: str, code: str) -> None:
    (checkout / path).parent.mkdir(exist_ok=True)
    with (checkout / path).open("a") as file:
        file.write(f"\n{code}\n")


def test_the_checkout_breaks_no_contract(checkout):
    assert broken(checkout) == {}


@pytest.mark.parametrize(("contract", "report"), [fault[2:] for fault in FAULTS])
def test_a_forbidden_import_breaks_its_contract(faulty, contract, report):
    assert f"{report} (l." in faulty[contract] or f"- {report}\n" in faulty[contract]


@pytest.mark.parametrize("package", ["saas/core", "tenants", "billing"])
def test_a_cycle_is_found(checkout, package):
    name = package.replace("/", ".")
    plant(checkout, f"{package}/planted_a.py", f"import {name}.planted_b")
    plant(checkout, f"{package}/planted_b.py", f"import {name}.planted_a")
    assert list(broken(checkout)) == ["No cycles"]


def test_the_gateway_and_the_stand_in_may_import_stripe_and_be_imported(checkout):
    plant(checkout, "billing/gateway.py", "import stripe")
    plant(checkout, "billing/sandbox/__init__.py", "")
    plant(checkout, "billing/sandbox/planted.py", "import stripe")
    plant(checkout, "saas/app.py", "import billing.gateway")
    assert broken(checkout) == {}
