"""The stored plan of an order: how it was routed, and what that was compared with. Amounts are atoms, ratios ppm."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any, NamedTuple, Self

from dex import BPS_IN_PPM, Hop, NetworkFee, Quote, Route, Side, VenueQuote
from orders.problems import UnreadableRow

# Of the stored form. Version 1 has no `v`: it is the public JSON of its time. Of version 2 only orders on chains that
# charge fees hold `fee` and `venue_fees`, only those whose market is recorded hold `market`, and `marginal_out` is in
# those alone that were stored since it is known.
VERSION = 2


class UnreadablePlan(UnreadableRow):
    """A stored plan that this version of the program does not know: it must not guess what to swap."""


class _Comparison(NamedTuple):
    """What a plan and the best venue alone are worth (None: none gives a quote), in atoms of the side not fixed.

    Both are net of network fees where every fee is known, else gross.
    """

    ours: int
    venue: VenueQuote | None
    theirs: int
    is_net: bool


class MarketRef(NamedTuple):
    """The market of a route: its hash as hex, the record of its batch (orders/snapshots/), and its place in that."""

    hash: str
    series: str
    number: int
    place: int


@dataclass
class SwapPlan:
    """What a quote says of its route, read-only; `decimals` has the exponents of all tokens of the route and its fee.

    `mid_amount_out`, `marginal_amount_out`, `bound`, `gap_bps`, `price_impact_ppm`, `snapshot_version` and
    `network_fee` are those of `dex.Quote`. `market` is None where the market was not recorded.
    """

    side: Side
    route: Route
    decimals: Mapping[str, int]
    bound: int | None
    gap_bps: float | None
    mid_amount_out: int
    price_impact_ppm: int
    venue_quotes: tuple[VenueQuote, ...]
    snapshot_version: int
    network_fee: NetworkFee | None = None
    marginal_amount_out: int | None = None
    market: MarketRef | None = None

    @classmethod
    def of(cls, quote: Quote, decimals: Mapping[str, int], market: MarketRef | None = None) -> Self:
        """The plan that a quote stands for. `decimals` maps at least the tokens of its route and of its fee."""
        hops, fee = quote.route.hops, quote.network_fee
        exponents = {token: decimals[token] for hop in hops for token in (hop.token_in, hop.token_out)}
        exponents |= {fee.token: decimals[fee.token]} if fee else {}
        return cls(
            side=quote.side,
            route=quote.route,
            decimals=exponents,
            bound=quote.bound,
            gap_bps=quote.gap_bps,
            mid_amount_out=quote.mid_amount_out,
            price_impact_ppm=max(0, quote.price_impact_ppm),
            venue_quotes=quote.venue_quotes,
            snapshot_version=quote.snapshot_version,
            network_fee=fee,
            marginal_amount_out=quote.marginal_amount_out,
            market=market,
        )

    @property
    def venues(self) -> frozenset[str]:
        """The venues that it trades on."""
        return frozenset(hop.venue for hop in self.route.hops)

    @property
    def decimals_in(self) -> int:
        """The exponent of token_in."""
        return self.decimals[self.route.token_in]

    @property
    def decimals_out(self) -> int:
        """The exponent of token_out."""
        return self.decimals[self.route.token_out]

    @property
    def net_amount(self) -> int | None:
        """As `dex.Quote.net_amount`: output less the network fee, or input plus it; None where its value is unknown."""
        return self._net(self._gross(self.route), None if self.network_fee is None else self.network_fee.value)

    def venue_net(self, alone: VenueQuote) -> int | None:
        """The same for a venue alone; None where it refuses, or the value of its fee is unknown."""
        return self._net(self._gross(alone), alone.fee_value) if alone.code is None else None

    @property
    def best_venue(self) -> VenueQuote | None:
        """The venue that alone would leave most, or ask least: net of fees where those of all venues are known."""
        return self._comparison.venue

    @property
    def saved_bps(self) -> float | None:
        """How much better the plan is than the best venue alone, compared as that is; None where nothing is left."""
        ours, _, theirs, _ = self._comparison
        if ours <= 0 or theirs <= 0:
            return None
        more, less = (ours, theirs) if self.side is Side.EXACT_IN else (theirs, ours)
        return (more / less - 1) * 10_000

    @property
    def saved_amount(self) -> int | None:
        """The same in atoms of the side that is not fixed; negative where the venue would be better; None: no venue."""
        ours, alone, theirs, _ = self._comparison
        return None if alone is None else self._ahead(ours, theirs)

    def venue_behind(self, alone: VenueQuote) -> int | None:
        """How many atoms of that side a venue alone is behind the plan, compared as the best one; None: it refuses."""
        if not (alone.amount_in and alone.amount_out):
            return None
        theirs = self.venue_net(alone) if self._comparison.is_net else self._gross(alone)
        return None if theirs is None else self._ahead(self._comparison.ours, theirs)

    @cached_property
    def _comparison(self) -> "_Comparison":
        is_exact_in, is_free, net = self.side is Side.EXACT_IN, self.network_fee is None, self.net_amount
        able = [alone for alone in self.venue_quotes if alone.amount_in and alone.amount_out]
        gross = [(alone.amount_out if is_exact_in else alone.amount_in) or 0 for alone in able]
        fees = [None if alone.code else 0 if is_free else alone.fee_value for alone in able]
        known = [(atoms, fee) for atoms, fee in zip(gross, fees, strict=True) if fee is not None]
        nets = [atoms - fee if is_exact_in else atoms + fee for atoms, fee in known]
        is_net = net is not None and len(nets) == len(able)
        ours = net if is_net and net is not None else self._gross(self.route)
        if not able:
            return _Comparison(ours, None, 0, is_net)
        theirs = (max if is_exact_in else min)(worths := nets if is_net else gross)
        return _Comparison(ours, able[worths.index(theirs)], theirs, is_net)

    def _ahead(self, ours: int, theirs: int) -> int:
        return ours - theirs if self.side is Side.EXACT_IN else theirs - ours

    def _gross(self, amounts: Route | VenueQuote) -> int:
        return (amounts.amount_out if self.side is Side.EXACT_IN else amounts.amount_in) or 0

    def _net(self, gross: int, fee: int | None) -> int | None:
        if self.network_fee is None:
            return gross
        return None if fee is None else gross - fee if self.side is Side.EXACT_IN else gross + fee

    def to_json(self) -> dict[str, Any]:
        """The stored form. Amounts are text: many JSON readers keep no integer above 64 bits."""
        return {
            "v": VERSION,
            "side": self.side.value,
            "token_in": self.route.token_in,
            "token_out": self.route.token_out,
            "decimals": self.decimals,
            "hops": hops_to_json(self.route.hops),
            "bound": _text(self.bound),
            "gap_bps": self.gap_bps,
            "mid_out": str(self.mid_amount_out),
            **({} if self.marginal_amount_out is None else {"marginal_out": str(self.marginal_amount_out)}),
            "impact_ppm": self.price_impact_ppm,
            "venue_quotes": [
                field
                for venue, sold, got, code, _ in self.venue_quotes
                for field in (venue, None if sold is None else str(sold), None if got is None else str(got), code)
            ],
            "snapshot": self.snapshot_version,
            **self._fees_to_json(),
            **({"market": list(self.market)} if self.market else {}),
        }

    def _fees_to_json(self) -> dict[str, Any]:
        """What programs that know no fees do not read, and need not: it changes nothing of what is swapped."""
        fee = self.network_fee
        if fee is None:
            return {}
        return {
            "fee": [fee.token, str(fee.amount), _text(fee.value)],
            "venue_fees": [_text(alone.fee_value) for alone in self.venue_quotes],
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any], side: str | None = None) -> Self:
        """From the stored form of this version or the one before, which did not always state the order's side.

        Raises: UnreadablePlan.
        """
        if "v" not in stored:
            return cls._from_public(stored, side)
        if stored["v"] != VERSION:
            detail = f"a plan of version {stored['v']} is not read here: this program knows versions 1 to {VERSION}"
            raise UnreadablePlan(f"{detail}; run the program that stored it, or a later one")
        quotes = list(_records(stored["venue_quotes"], 4))
        fee, venue_fees = stored.get("fee"), stored.get("venue_fees", [None] * len(quotes))
        return cls(
            side=Side(stored["side"]),
            route=Route(stored["token_in"], stored["token_out"], hops_from_json(stored["hops"])),
            decimals=stored["decimals"],
            bound=_int(stored["bound"]),
            gap_bps=stored["gap_bps"],
            mid_amount_out=int(stored["mid_out"]),
            price_impact_ppm=stored["impact_ppm"],
            venue_quotes=tuple(
                VenueQuote(venue, _int(amount_in), _int(amount_out), code, _int(fee_value))
                for (venue, amount_in, amount_out, code), fee_value in zip(quotes, venue_fees, strict=True)
            ),
            snapshot_version=stored["snapshot"],
            network_fee=fee and NetworkFee(fee[0], int(fee[1]), _int(fee[2])),
            marginal_amount_out=_int(stored.get("marginal_out")),
            market=_market(stored.get("market")),
        )

    @classmethod
    def _from_public(cls, stored: Mapping[str, Any], side: str | None) -> Self:
        """From public JSON. The oldest has legs only; its basis points may be numbers, one of them named `gap_bp`."""
        swaps = stored.get("swaps") or [hop for leg in stored["legs"] for hop in leg["hops"]]
        leg = stored["legs"][0]["hops"]
        is_exact_out = "lower_bound" in stored if side is None else side == Side.EXACT_OUT
        gap_bps = stored.get("gap_bps", stored.get("gap_bp"))
        return cls(
            side=Side.EXACT_OUT if is_exact_out else Side.EXACT_IN,
            route=Route(leg[0]["token_in"], leg[-1]["token_out"], hops_from_json(swaps)),
            decimals={
                swap[f"token_{end}"]: _exponent(swap[f"amount_{end}"], swap[f"amount_{end}_raw"])
                for swap in swaps
                for end in ("in", "out")
            },
            bound=_int(stored.get("lower_bound_raw" if is_exact_out else "upper_bound_raw")),
            gap_bps=None if gap_bps is None else float(gap_bps),
            mid_amount_out=int(stored["mid_amount_out_raw"]),
            price_impact_ppm=int(Decimal(stored["price_impact_bps"]) * BPS_IN_PPM),
            venue_quotes=tuple(
                VenueQuote(alone["venue"], _int(alone["amount_in_raw"]), _int(alone["amount_out_raw"]), alone["code"])
                for alone in stored["venue_quotes"]
            ),
            snapshot_version=stored["snapshot_version"],
        )


def hops_to_json(hops: Sequence[Hop]) -> list[str]:
    """Swaps as they are stored, in plans and fills: six texts for each, one after the other."""
    return [
        text
        for hop in hops
        for text in (hop.venue, hop.pool_id, hop.token_in, hop.token_out, str(hop.amount_in), str(hop.amount_out))
    ]


def hops_from_json(stored: Sequence[Any]) -> tuple[Hop, ...]:
    """Inverse of `hops_to_json`; also reads swaps as the API shows them, which is how they were stored once."""
    if stored and isinstance(stored[0], dict):
        stored = [swap[name] for swap in stored for name in _PUBLIC_NAMES]
    return tuple(
        Hop(venue, pool_id, token_in, token_out, int(amount_in), int(amount_out))
        for venue, pool_id, token_in, token_out, amount_in, amount_out in _records(stored, 6)
    )


def _records(flat: Sequence[Any], width: int) -> Iterator[tuple[Any, ...]]:
    """The records of a flat list, which takes a sixth less room than a list of lists."""
    return zip(*[iter(flat)] * width, strict=True)


def forms_through(venue: str) -> list[dict[str, Any]]:
    """What a stored plan through a venue contains, in the sense of PostgreSQL's @>: one value for each form."""
    return [{"hops": [venue]}, {"legs": [{"hops": [{"venue": venue}]}]}]


_PUBLIC_NAMES = ("venue", "pool", "token_in", "token_out", "amount_in_raw", "amount_out_raw")


def _exponent(units: str, atoms: str) -> int:
    """The exponent of a token of which one amount is given in both ways."""
    return Decimal(atoms).adjusted() - Decimal(units).adjusted()


def _market(stored: Sequence[Any] | None) -> MarketRef | None:
    return None if stored is None else MarketRef(*stored)


def _text(atoms: int | None) -> str | None:
    return None if atoms is None else str(atoms)


def _int(text: str | None) -> int | None:
    return None if text is None else int(text)
