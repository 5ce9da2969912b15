"""The back office's pages of jobs: queues, the jobs themselves, one job, schedules, and what can be done to them."""

from uuid import UUID

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from saas.console import confirming, history, jobs, jobs_ending, jobs_pausing
from saas.console.confirming import Question
from saas.console.door import actor, blueprint
from saas.console.errors import NothingToDo
from saas.console.forms import ReasonForm
from saas.console.jobs_actions import JobAction
from saas.core import database
from saas.core.errors import NotFound
from saas.core.jobs import JobState, figures, looking, present, registry, searching
from saas.core.jobs.queues import QUEUES
from saas.core.jobs.searching import Cursor, Wanted
from saas.core.settings import current_settings

ACTIONS = {action.name: action for room in (jobs_ending, jobs_pausing) for action in room.ACTIONS}
_LONGEST = 100  # characters of a part of what is looked for


@blueprint.get("/jobs")
def job_queues() -> ResponseReturnValue:
    with database.outside():
        workers = present.workers(current_settings().redis_url)
    return render_template(
        "console/jobs.html",
        queues=figures.queues(),
        workers=workers,
        dead=figures.kinds(JobState.DEAD),
        unknown=figures.unknown_kinds(),
        loudest=figures.loudest(),
        ticked=figures.ticked_seconds(),
    )


@blueprint.get("/jobs/list")
def job_list() -> ResponseReturnValue:
    wanted = _wanted()
    return render_template(
        "console/jobs_list.html",
        wanted=wanted,
        given=_text("tenant"),
        page=searching.page(wanted, Cursor.read(request.args.get("after", ""))),
        states=searching.STATES,
        queues=QUEUES,
        names=sorted(handler.name for handler in registry.handlers()),
        looked_at=searching.LOOKED_AT,
    )


@blueprint.get("/jobs/schedules")
def job_schedules() -> ResponseReturnValue:
    return render_template("console/jobs_schedules.html", schedules=looking.timetable())


@blueprint.get("/jobs/<uuid:job_id>")
def job(job_id: UUID) -> ResponseReturnValue:
    shown = looking.get(job_id)
    possible = [action for action in jobs_ending.ACTIONS if action.home == "console.job" and action.fits(shown)]
    return render_template(
        "console/jobs_one.html",
        shown=shown,
        job=shown.job,
        events=looking.timeline(job_id),
        calls=looking.calls(job_id),
        actions=possible,
    )


@blueprint.post("/jobs/<uuid:job_id>/retry")
def retry_job(job_id: UUID) -> ResponseReturnValue:
    if jobs.retry(job_id, actor=actor()):
        flash("The job is tried again.", "success")
    else:
        flash("That job is not dead any more, or another one with its key waits or runs.", "warning")
    return redirect(url_for("console.job", job_id=job_id), 303)


@blueprint.route("/jobs/actions/<name>/<subject>", methods=["GET", "POST"])
def act_on_jobs(name: str, subject: str) -> ResponseReturnValue:
    if (action := ACTIONS.get(name)) is None:
        raise NotFound
    found, form = action.find(subject), ReasonForm()
    return confirming.ask(
        Question(
            action.name,
            subject,
            form,
            lambda: True,
            lambda _key: _carry_out(action, found, form),
            lambda: _page(action, subject, found, form),
            _home(action, subject),
        )
    )


def _carry_out(action: JobAction, found: object, form: ReasonForm) -> str:
    if not action.fits(found):
        raise NothingToDo
    return action.carry_out(found, form.reason.data or "", actor())


def _page(action: JobAction, subject: str, found: object, form: ReasonForm) -> str:
    possible = action.fits(found)
    home = _home(action, subject)
    return render_template(
        "console/action.html",
        area="jobs",
        crumbs=[("Jobs", url_for("console.job_queues")), (subject, home)],
        about=subject,
        action=action,
        choice=None,
        changes=action.changes(found) if possible else [],
        possible=possible,
        f=form,
        home=home,
    )


def _home(action: JobAction, subject: str) -> str:
    return url_for(action.home, job_id=subject) if action.home == "console.job" else url_for(action.home)


def _wanted() -> Wanted:
    """What the URL asks for; a state that there is not is as none."""
    state, tenant = _text("state"), _text("tenant")
    return Wanted(
        state=state if state in searching.STATES else "",
        queue=_text("queue"),
        name=_text("name"),
        tenant=tenant if tenant in {"", searching.PLATFORM} else history.tenant_named(tenant),
        search=_text("q"),
    )


def _text(name: str) -> str:
    return request.args.get(name, "").strip()[:_LONGEST]
