"""The problem that a caller is told of an error of the domain, the database, Redis or the settings."""

from django.core.exceptions import ImproperlyConfigured
from kombu.exceptions import OperationalError as BrokerError
from redis import RedisError

from dex import DexError, RetryableError, UnknownOutcome
from orders.database.errors import is_unavailable, sqlstate, unavailable_reason
from orders.database.write_watch import Written, current_watch
from orders.problems import Problem, ProblemError, UnreadableRow, problem_of

# SQLSTATE of tables and columns that another version of this program has, or has not made yet.
_OTHER_SCHEMA = ("42P01", "42703")
REDIS_AWAY = (RedisError, BrokerError)

UNFORESEEN = Problem("server_error", "the request met an error that was not foreseen; it is in the log")


def fault_problem(error: BaseException) -> Problem | None:
    """What a caller is told of an error of `dex`, the database, Redis or the settings; None for any other one."""
    if isinstance(error, ProblemError):
        return error.problem
    if isinstance(error, DexError):
        return _dex_problem(error)
    if is_unavailable(error):
        return lost_problem(error, unavailable_reason(error))
    if sqlstate(error) in _OTHER_SCHEMA:
        return lost_problem(error, "the database is not the one of this program's version: manage.py migrate")
    if isinstance(error, UnreadableRow):
        return lost_problem(error, str(error))
    if isinstance(error, REDIS_AWAY):
        return lost_problem(error, "Redis cannot be reached")
    if isinstance(error, ImproperlyConfigured):
        return Problem("not_ready", "the engine's settings do not allow this: its log says why")
    return None


def _dex_problem(error: DexError) -> Problem:
    """A request is not an order: it is not tried again by itself, so its caller is told to come again."""
    if isinstance(error, RetryableError):
        return Problem("chain_unavailable", error.detail, error.hint, facts=error.facts)
    if isinstance(error, UnknownOutcome):
        return Problem("outcome_unknown", error.detail, error.hint, facts=error.facts)
    return problem_of(error)


def lost_problem(error: BaseException, words: str) -> Problem:
    """What is known of the writes of the request that this error ended."""
    watch = current_watch()
    if watch is None:
        return Problem("not_ready", words)
    written = watch.written(error)
    if written is Written.NOTHING:
        return Problem("not_ready", f"{words}; nothing was stored")
    if written is Written.STORED:
        return Problem("outcome_unknown", f"{words}; what was asked for is stored, but could not be read again")
    return Problem("outcome_unknown", f"{words}; what was asked for may be stored or not")
