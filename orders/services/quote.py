"""What an account's order would get now: its price under the pauses, wallets and limits that an order is held to."""

from dataclasses import replace

from dex import DexError, Engine, Quote, SwapRequest, TerminalError
from dex.deadline import within
from orders.controls import Controls
from orders.models import Account, ApiKey
from orders.problems import Problem, ProblemError
from orders.services.limits import admit, read_room, worth
from orders.services.settled import problem_of
from orders.services.wallets import closed_venues
from orders.terms import Terms


def quote_now(account: Account, request: SwapRequest, engine: Engine, controls: Controls) -> Quote:
    """The route that an order of this account would be signed with. Raises: DexError, ProblemError."""
    with within(engine.chain.answers_within_s()):
        closed = closed_venues([account.id], engine, makes_wallets=False).get(account.id, frozenset())
        paused = controls.venues
        answer = _route(request, closed | paused, engine)
    if paused and isinstance(answer, TerminalError) and isinstance(_route(request, closed, engine), Quote):
        problem = problem_of(answer)
        hint = f"An order would wait until {', '.join(sorted(paused))} is resumed"
        facts = {**problem.facts, "paused_venues": sorted(paused)}
        raise ProblemError(Problem(problem.code, problem.detail, hint, facts=facts))
    if isinstance(answer, DexError):
        raise answer
    return answer


def require_room(account: Account, terms: Terms, key: ApiKey | None) -> None:
    """Raises: ProblemError where the limits leave no room for the order at this moment."""
    if not account.is_counted and (key is None or key.max_day_value is None):
        return
    problem = admit(read_room(account, key), [worth(terms)])[0]
    if problem is not None:
        raise ProblemError(problem)


def _route(request: SwapRequest, denied: frozenset[str], engine: Engine) -> Quote | DexError:
    return engine.route([replace(request, deny_venues=request.deny_venues | denied)])[0]
