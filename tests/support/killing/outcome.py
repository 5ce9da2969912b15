"""What came of a storm, counted by who stands outside: the superuser's SQL and the receiver."""

from collections import Counter
from dataclasses import dataclass

from tests.support.killing import jobs
from tests.support.killing.clients import Crowd
from tests.support.killing.receiver import Told
from tests.support.killing.views import ASKED

MAILS = 2  # that a sign-up sends


@dataclass(frozen=True)
class Fared:
    """How one kind of job fared, or the mails."""

    asked: int
    lost: int  # without an effect, in the database or outside
    doubled: int  # with more than one, in the database or outside
    repeats: int  # calls that the receiver knew by their key

    def __str__(self) -> str:
        return f"{self.asked} asked, {self.lost} lost, {self.doubled} doubled, {self.repeats} calls repeated"


def of_jobs(rows: list[tuple[str, str]], effects: Counter[str], told: Told, crowd: Crowd) -> dict[str, Fared]:
    """By kind. What the database says was asked for, and what somebody was told that they have, has to be there."""
    kinds = dict(rows) | crowd.marks
    return {
        kind: _fared([mark for mark, found in kinds.items() if found == kind], effects, told) for kind in jobs.KINDS
    }


def _fared(marks: list[str], effects: Counter[str], told: Told) -> Fared:
    return Fared(
        len(marks),
        sum(not effects[mark] or not told.applied[mark] for mark in marks),
        sum(effects[mark] > 1 or told.applied[mark] > 1 for mark in marks),
        sum(told.calls[mark] - told.applied[mark] for mark in marks),
    )


def of_mails(told: Told, crowd: Crowd) -> Fared:
    """Each person gets two, and a Message-ID tells a repeat."""
    distinct = Counter(to for _key, to in set(told.mails))
    return Fared(
        len(crowd.emails) * MAILS,
        sum(max(0, MAILS - distinct[email]) for email in crowd.emails),
        sum(max(0, distinct[email] - MAILS) for email in crowd.emails),
        len(told.mails) - len(set(told.mails)),
    )


ASKED_FOR = f"SELECT detail->>'mark', detail->>'kind' FROM platform.audit WHERE action = '{ASKED}'"
EFFECTS = f"SELECT detail->>'mark', count(*) FROM platform.audit WHERE action = '{jobs.EFFECT}' GROUP BY 1"
# Effects that a tenant's job has had elsewhere, or the platform's in a tenant.
ASTRAY = f"""
    SELECT effect.detail->>'mark', effect.tenant FROM platform.audit effect JOIN platform.audit asked
    ON asked.detail->>'mark' = effect.detail->>'mark' AND asked.action = '{ASKED}'
    WHERE effect.action = '{jobs.EFFECT}' AND effect.tenant IS DISTINCT FROM asked.detail->>'of'
"""
OPEN = """
    SELECT name, state, count(*) FROM platform.jobs WHERE state IN ('waiting', 'leased', 'running') AND tick IS NULL
    AND name NOT LIKE '%unleased' AND run_at < now() + interval '1 minute' GROUP BY 1, 2
"""
# Of each who has signed up: one person, one workspace that is open, and all mails on their way.
SIGNED_UP = """
    SELECT u.email, t.address, t.state, (SELECT count(*) FROM platform.mails WHERE "to" = u.email AND state = 'sent')
    FROM platform.users u JOIN platform.memberships m ON m.user_id = u.id JOIN platform.tenants t ON t.id = m.tenant
    WHERE u.email LIKE '%@example.com'  -- and no canaries of the probe
"""
CANARIES = "SELECT id FROM platform.tenants WHERE address LIKE 'canary--%'"
