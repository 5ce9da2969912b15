"""What an attempt to cross came to."""

from dataclasses import dataclass
from enum import StrEnum

from tenants.probe.sides import Side

NOT_FOUND = "its owner does not find it either"


class Outcome(StrEnum):
    REFUSED = "refused"
    NOTHING = "nothing"  # it was answered, with nothing of the other's
    BLIND = "blind"  # the owner found nothing either, or nobody could look: it proves nothing
    CROSSED = "crossed"


@dataclass(frozen=True)
class Attempt:
    way: str
    tried: str
    outcome: Outcome
    said: str = ""  # what gave it away, or why it was blind


@dataclass(frozen=True)
class Answer:
    """What came back: to whom it belongs is in its text, never kept."""

    text: str
    refused: bool = False
    unanswered: str = ""  # why nobody could look, such as "503"


def judged(way: str, tried: str, answer: Answer, theirs: Side, *, by_id: bool = False) -> Attempt:
    """For an attempt whose control, the owner's own access, has shown what there is to see.

    `by_id` is for answers in which the other's id is a find as well, unless a refusal repeats the question.
    """
    if told := theirs.told_by(answer.text, by_id=by_id and not answer.refused):
        return Attempt(way, tried, Outcome.CROSSED, told)
    if answer.unanswered:
        return Attempt(way, tried, Outcome.BLIND, answer.unanswered)
    return Attempt(way, tried, Outcome.REFUSED if answer.refused else Outcome.NOTHING)


def blind(way: str, tried: str, why: str = NOT_FOUND) -> Attempt:
    return Attempt(way, tried, Outcome.BLIND, why)
