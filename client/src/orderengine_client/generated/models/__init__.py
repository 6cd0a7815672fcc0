"""Contains all the data models used in inputs/outputs"""

from .balance import Balance
from .batch import Batch
from .batch_result import BatchResult
from .cancelled import Cancelled
from .cancelled_many import CancelledMany
from .deadman import Deadman
from .dry_run_order import DryRunOrder
from .dry_run_order_liquidity_token_type_0 import DryRunOrderLiquidityTokenType0
from .dry_run_order_tags import DryRunOrderTags
from .dry_run_order_trigger_source_type_0 import DryRunOrderTriggerSourceType0
from .dry_run_order_trigger_type_0 import DryRunOrderTriggerType0
from .dry_run_order_twap_type_0 import DryRunOrderTwapType0
from .dry_run_order_twap_type_0_catch_up import DryRunOrderTwapType0CatchUp
from .event import Event
from .event_data import EventData
from .event_page import EventPage
from .events import Events
from .fee_limits import FeeLimits
from .field_error import FieldError
from .guards import Guards
from .halt import Halt
from .halts import Halts
from .hop import Hop
from .leg import Leg
from .network_fee import NetworkFee
from .order import Order
from .order_liquidity_token_type_0 import OrderLiquidityTokenType0
from .order_page import OrderPage
from .order_status_enum import OrderStatusEnum
from .order_tags import OrderTags
from .order_trigger_source_type_0 import OrderTriggerSourceType0
from .order_trigger_type_0 import OrderTriggerType0
from .order_twap_type_0 import OrderTwapType0
from .order_twap_type_0_catch_up import OrderTwapType0CatchUp
from .pool import Pool
from .pool_reserves import PoolReserves
from .problem import Problem
from .problem_facts import ProblemFacts
from .quote import Quote
from .result_enum import ResultEnum
from .route import Route
from .route_limits import RouteLimits
from .scenario_enum import ScenarioEnum
from .scope_enum import ScopeEnum
from .side_enum import SideEnum
from .sim import Sim
from .slice_ import Slice
from .state_enum import StateEnum
from .strategy_enum import StrategyEnum
from .ticket import Ticket
from .time_in_force_enum import TimeInForceEnum
from .token import Token
from .tokens import Tokens
from .venue import Venue
from .venue_quote import VenueQuote
from .venues import Venues
from .wallet import Wallet
from .wallets import Wallets

__all__ = (
    "Balance",
    "Batch",
    "BatchResult",
    "Cancelled",
    "CancelledMany",
    "Deadman",
    "DryRunOrder",
    "DryRunOrderLiquidityTokenType0",
    "DryRunOrderTags",
    "DryRunOrderTriggerSourceType0",
    "DryRunOrderTriggerType0",
    "DryRunOrderTwapType0",
    "DryRunOrderTwapType0CatchUp",
    "Event",
    "EventData",
    "EventPage",
    "Events",
    "FeeLimits",
    "FieldError",
    "Guards",
    "Halt",
    "Halts",
    "Hop",
    "Leg",
    "NetworkFee",
    "Order",
    "OrderLiquidityTokenType0",
    "OrderPage",
    "OrderStatusEnum",
    "OrderTags",
    "OrderTriggerSourceType0",
    "OrderTriggerType0",
    "OrderTwapType0",
    "OrderTwapType0CatchUp",
    "Pool",
    "PoolReserves",
    "Problem",
    "ProblemFacts",
    "Quote",
    "ResultEnum",
    "Route",
    "RouteLimits",
    "ScenarioEnum",
    "ScopeEnum",
    "SideEnum",
    "Sim",
    "Slice",
    "StateEnum",
    "StrategyEnum",
    "Ticket",
    "TimeInForceEnum",
    "Token",
    "Tokens",
    "Venue",
    "VenueQuote",
    "Venues",
    "Wallet",
    "Wallets",
)
