"""What ends a management command whose database, chain or Redis is away: one sentence, with what is known."""

from orders.faults import fault_problem

LOOK_FIRST = "Look at what is stored before you repeat the command"


def sentence(error: Exception) -> str | None:
    """The error in words and what to do next; None where only its trace says what happened."""
    problem = fault_problem(error)
    if problem is None:
        return None
    cause = next(iter(str(error).strip().splitlines()), type(error).__name__)
    detail = problem.detail if cause in problem.detail else f"{problem.detail} ({cause})"
    if problem.code == "outcome_unknown":
        return f"{detail}. {LOOK_FIRST}."
    hint = "" if problem.status == 503 else problem.to_json().get("try", "")
    return f"{detail}." + (f" {hint}." if hint else "")
