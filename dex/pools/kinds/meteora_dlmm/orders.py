"""A Meteora DLMM bin with limit orders as a swap meets it: the providers' liquidity, then the orders, all at one price.

Limit orders came with lb_clmm 0.12.0. Those of a bin are all on one side: asks sell X and are met by who sells Y,
bids sell Y and are met by who sells X. What a swap gives for them is their owners' and cannot be swapped again.
Source: https://github.com/MeteoraAg/dlmm-sdk (commons 0.3.3, src/quote.rs)
"""

from typing import NamedTuple

from dex.pools.math.bins import BASIS_POINTS, before_fee, bin_cost, fee_within, fill_bin

OWNERS_SHARE = 5_000  # of the fee on what meets limit orders, out of 10,000; the rest is the protocol's

Fill = tuple[int, int, int]  # taken (a fee on the input included), paid (before a fee on the output), fee


class BinOrders(NamedTuple):
    """Limit orders of one bin, in atoms of what they sell.

    `processed` is what is left of those that a swap has begun to fill; later ones wait as `open` until it is gone.
    """

    bin_id: int
    is_ask: bool
    processed: int
    open: int

    @property
    def total(self) -> int:
        """Atoms that a swap can still buy of them."""
        return self.processed + self.open

    def after(self, paid: int) -> "BinOrders":
        """Once a swap has bought of them: open ones that it begins to fill are processed ones from then on."""
        if paid <= self.processed:
            return self._replace(processed=self.processed - paid)
        return self._replace(processed=self.total - paid, open=0)


def sell_in_layers(
    price: int, reserve: int, orders: BinOrders, sells_x: bool, left: int, rate: int, fee_on_input: bool
) -> tuple[Fill, int, int]:
    """Sell up to `left` in one bin: to its liquidity, then to orders begun before, then to open ones.

    Beside the whole of it, returns what the liquidity took (without a fee) and paid.
    """
    net = rest = left - fee_within(left, rate) if fee_on_input else left
    layers = []
    for held in (reserve, orders.processed, orders.open):
        taken, paid, _ = fill_bin(price, held, sells_x, rest, 0, True)
        layers.append((taken, paid))
        rest -= taken
    gross_out, (liquidity_in, liquidity_out) = sum(paid for _, paid in layers), layers[0]
    if not fee_on_input:
        return (net - rest, gross_out, fee_within(gross_out, rate)), liquidity_in, liquidity_out
    taken = before_fee(net - rest, rate) if rest else left
    return (taken, gross_out, taken - (net - rest)), liquidity_in, liquidity_out


def protocol_part(fee: int, liquidity_in: int, net_in: int, protocol_share: int) -> int:
    """The protocol's part of a fee: a share of what liquidity earned, half of what orders did."""
    if liquidity_in == net_in:
        return fee * protocol_share // BASIS_POINTS
    on_liquidity = -(-fee * liquidity_in // net_in)
    on_orders = fee - on_liquidity
    return on_liquidity * protocol_share // BASIS_POINTS + on_orders - on_orders * OWNERS_SHARE // BASIS_POINTS


def gross_cost(
    price: int, reserve: int, orders: BinOrders | None, sells_x: bool, amount_out: int, rate: int, fee_on_input: bool
) -> int:
    """The input that buys `amount_out` in one bin, or all that the bin holds; each layer rounds it up by itself."""
    wanted = amount_out if fee_on_input else before_fee(amount_out, rate)
    cost = bin_cost(price, min(wanted, reserve), sells_x)
    if orders is not None and wanted > reserve:
        begun = min(wanted - reserve, orders.processed)
        cost += bin_cost(price, begun, sells_x)
        cost += bin_cost(price, min(wanted - reserve - begun, orders.open), sells_x)
    return before_fee(cost, rate) if fee_on_input else cost
