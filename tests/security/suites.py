"""Which tests are about keeping tenants apart: all of two folders, and some beside them."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
ISOLATION, FAULTS = "tests/tenants/isolation", "tests/faults"

_BY_NAME: dict[str, tuple[str, ...]] = {
    "interleaved": (f"{FAULTS}/test_interleaved.py",),
    "machine": (f"{ISOLATION}/test_binding_machine.py",),
    "injection": (
        f"{ISOLATION}/test_injection.py",
        f"{ISOLATION}/test_injection_one_role.py",
        f"{ISOLATION}/test_guard.py",
        f"{ISOLATION}/test_functions.py",
        f"{ISOLATION}/test_names.py",
        f"{ISOLATION}/test_escape_strings.py",
    ),
    "strangers": (
        f"{ISOLATION}/test_strangers.py",
        f"{ISOLATION}/test_foreign_ids.py",
        "tests/tenants/test_route_matrix.py",
        "tests/billing/test_strangers.py",
    ),
    "audit": (
        f"{ISOLATION}/proof",
        f"{ISOLATION}/test_altered_by_hand.py",
        f"{ISOLATION}/test_enforcement.py",
    ),
    "probe": ("tests/tenants/probe",),
    "crashes": (f"{FAULTS}/test_provisioning_crashes.py", f"{FAULTS}/test_killed_workers.py"),
    "input": (f"{FAULTS}/test_databases.py", "tests/tenants/test_bad_hosts.py"),
    "leaks": ("tests/architecture/test_leaks.py",),
}

# About jobs, whoever's they are: `./dev bench jobs --faults` tries these at full counts.
JOBS = (
    f"{FAULTS}/test_job_storm.py",
    f"{FAULTS}/test_rolling_restarts.py",
    f"{FAULTS}/test_fairness.py",
    f"{FAULTS}/test_ticks.py",
    f"{FAULTS}/test_redis_away.py",
    f"{FAULTS}/test_clocks.py",
)


def _rest() -> tuple[str, ...]:
    """What else lies in the two folders, so that a new file is not left out."""
    named = [ROOT / path for paths in (*_BY_NAME.values(), JOBS) for path in paths]
    there = [file for folder in (ISOLATION, FAULTS) for file in sorted((ROOT / folder).rglob("test_*.py"))]
    rest = (file for file in there if not any(file.is_relative_to(path) for path in named))
    return tuple(str(file.relative_to(ROOT)) for file in rest)


SUITES = _BY_NAME | {"binding": _rest()}
