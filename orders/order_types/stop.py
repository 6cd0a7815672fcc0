"""Stop order: from the moment that the pair's price reaches its trigger, a market order."""

from orders.order_types.base import Refusal
from orders.order_types.triggered import Triggered, TriggeredTerms


class Stop(Triggered[TriggeredTerms]):
    """A sale falls to its stop: `below`."""

    name = "stop"
    terms_class = TriggeredTerms
    examples = (
        {"trigger_price": "130"},
        {"trigger_price": "150.5", "trigger": "above", "trigger_source": "last"},
        {"trigger_price": "0.5", "trigger": "below", "expires_at": "2999-01-01T00:00:00Z"},
    )
    refusals = (Refusal({"trigger_price": "0." + 60 * "0" + "1"}, "/trigger_price", "invalid"),)
