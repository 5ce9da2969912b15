"""What a statement that failed comes to for who asked: the database is away, the fault is theirs, or it is ours."""

import psycopg2
import structlog
from flask import current_app
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from saas.core import identity
from saas.core.errors import AskedTooMuch, OutOfOrder, PlatformError, Unavailable

Failure = DBAPIError | PoolTimeout

log = structlog.get_logger()

# What a bound tenant's statement meets where somebody has altered the schema or role by hand (PostgreSQL's manual,
# appendix A): no right, no table, no column, no schema. A statement of ours that names what never was looks the same,
# so the log has the whole error. A role that is gone is an invalid value, as much else is. Which function of
# PostgreSQL's refused it (in guc.c, where settings are set) tells it from those in whatever language the server speaks:
# of what a bound transaction sets, the role is the only text that can be refused.
_ALTERED = {"42501", "42P01", "42703", "3F000"}
_ROLE_IS_GONE = ("22023", "call_string_check_hook")

# By the same appendix, what ends a statement that asks for more than it may: query_canceled, which is statement_timeout
# (or an operator who had enough of it), and configuration_limit_exceeded, which is temp_file_limit.
_BOUNDS = {
    "57014": ("time", "The database worked on it for longer than it may for one request."),
    "53400": ("space", "The database needed more space for it than it may take for one request."),
}


def told(error: Failure) -> PlatformError | None:
    """The error that whoever asked is told, in the log by now; None: the fault is ours.

    The request's transaction is over: what is looked up has one of its own.
    """
    if isinstance(error, OperationalError | PoolTimeout):
        return _too_much(error) or _away(error)
    workspace = identity.current().tenant
    return _gone_or_altered(workspace.id, error) if workspace else None


def _too_much(error: Failure) -> PlatformError | None:
    """Only a tenant's statement is held to what one request may take; what else runs too long is the platform's."""
    tenant = current_app.extensions["freehold.bound"]()
    bound = _BOUNDS.get(str(getattr(getattr(error, "orig", None), "pgcode", "")))
    if tenant is None or bound is None:
        return None
    name, sentence = bound
    log.warning("tenant.asked_too_much", tenant=tenant, bound=name)
    return AskedTooMuch(sentence)


def _away(error: Failure) -> PlatformError:
    log.error("database.unavailable", error=str(error).splitlines()[0])
    sentence = "The database did not answer in time. Nothing was changed; try again in a moment."
    return Unavailable(sentence, retry_after=5)


def _gone_or_altered(tenant: str, error: Failure) -> PlatformError | None:
    """A tenant may have been taken away since the request was found to be for it, which is nobody's fault.

    One whose part of the database was altered by hand says so; the others are as they were.
    """
    if not is_altered(error.orig if isinstance(error, DBAPIError) else None):
        return None
    try:
        gone: PlatformError | None = current_app.extensions["freehold.gone"](tenant)
    except (OperationalError, PoolTimeout) as lost:
        return _away(lost)
    if gone is not None:
        return gone
    log.error("tenant.out_of_order", tenant=tenant, exc_info=error)
    return OutOfOrder(
        "Its part of the database is not as it should be, which only those who run this site can mend. It has been"
        " noted. Nothing was changed. If it stays, name the request number below."
    )


def is_altered(error: BaseException | None) -> bool:
    if not isinstance(error, psycopg2.Error):
        return False
    return error.pgcode in _ALTERED or (error.pgcode, error.diag.source_function) == _ROLE_IS_GONE
