"""Room for rounding in purchases that go leg by leg: they sell what was planned, and must reach their amount."""

from dataclasses import replace
from typing import Final

from dex.chains.evm.swaps.router_calls import unwrapped
from dex.chains.evm.swaps.wrapping import Native
from dex.legs import goes_leg_by_leg
from dex.types import PPM, Side, SwapIntent

# Measured: legs that share a V2 pair came out up to 1.4 parts in a million short, others by 3 atoms at most.
ROOM_PPM: Final = 10
ROOM_ATOMS: Final = 1  # of the output, for each swap


def with_room(intent: SwapIntent, native: Native) -> SwapIntent:
    """The intent that sells a hair more, within `max_amount_in`, where legs are sold; the owner gets what that buys.

    Without it a purchase that goes leg by leg may come out an atom short each time that it is routed.
    """
    route, _, _ = unwrapped(intent.route, native)
    if intent.side is Side.EXACT_IN or not goes_leg_by_leg(route):
        return intent
    sold, bought = route.amount_in, route.amount_out
    room = -(-sold * ROOM_PPM // PPM) + -(-sold * ROOM_ATOMS * len(route.hops) // bought)
    room = min(room, max(0, intent.max_amount_in - intent.route.amount_in))
    widest = max((hop for hop in route.hops if hop.token_in == route.token_in), key=lambda hop: hop.amount_in)
    wider = replace(widest, amount_in=widest.amount_in + room)
    hops = tuple(wider if hop is widest else hop for hop in intent.route.hops)
    return replace(intent, route=replace(intent.route, hops=hops))
