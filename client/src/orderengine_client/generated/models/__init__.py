"""Contains all the data models used in inputs/outputs"""

from .attempt import Attempt
from .balance import Balance
from .batch import Batch
from .batch_result import BatchResult
from .cancelled import Cancelled
from .cancelled_many import CancelledMany
from .child_execution import ChildExecution
from .cost import Cost
from .curve import Curve
from .curve_point import CurvePoint
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
from .execution import Execution
from .explanation import Explanation
from .fee_limits import FeeLimits
from .field_error import FieldError
from .fills import Fills
from .gap import Gap
from .guards import Guards
from .halt import Halt
from .halts import Halts
from .hop import Hop
from .leg import Leg
from .losing_quote import LosingQuote
from .market_price import MarketPrice
from .market_snapshot import MarketSnapshot
from .market_snapshot_costs import MarketSnapshotCosts
from .market_snapshot_pools_item import MarketSnapshotPoolsItem
from .market_snapshot_swaps_item import MarketSnapshotSwapsItem
from .me import Me
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
from .price_bucket import PriceBucket
from .prices import Prices
from .problem import Problem
from .problem_facts import ProblemFacts
from .quote import Quote
from .receipt import Receipt
from .receipt_children_item import ReceiptChildrenItem
from .receipt_events_item import ReceiptEventsItem
from .receipt_fills_item import ReceiptFillsItem
from .receipt_market_type_0 import ReceiptMarketType0
from .receipt_order import ReceiptOrder
from .receipt_outcome import ReceiptOutcome
from .receipt_route_type_0 import ReceiptRouteType0
from .receipt_transactions_item import ReceiptTransactionsItem
from .recent import Recent
from .replay import Replay
from .report import Report
from .report_row import ReportRow
from .result_enum import ResultEnum
from .route import Route
from .route_limits import RouteLimits
from .scenario_enum import ScenarioEnum
from .scope_enum import ScopeEnum
from .sentence import Sentence
from .sentence_facts import SentenceFacts
from .shortfall import Shortfall
from .side_enum import SideEnum
from .sim import Sim
from .slice_ import Slice
from .state_enum import StateEnum
from .step import Step
from .strategy_enum import StrategyEnum
from .ticket import Ticket
from .time_in_force_enum import TimeInForceEnum
from .token import Token
from .tokens import Tokens
from .venue import Venue
from .venue_quote import VenueQuote
from .venue_record import VenueRecord
from .venue_report_row import VenueReportRow
from .venues import Venues
from .wallet import Wallet
from .wallets import Wallets
from .webhook import Webhook
from .webhook_deliveries import WebhookDeliveries
from .webhook_delivery import WebhookDelivery
from .webhook_disabled import WebhookDisabled
from .webhook_requested import WebhookRequested
from .webhook_secret import WebhookSecret
from .webhook_test import WebhookTest
from .webhooks import Webhooks

__all__ = (
    "Attempt",
    "Balance",
    "Batch",
    "BatchResult",
    "Cancelled",
    "CancelledMany",
    "ChildExecution",
    "Cost",
    "Curve",
    "CurvePoint",
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
    "Execution",
    "Explanation",
    "FeeLimits",
    "FieldError",
    "Fills",
    "Gap",
    "Guards",
    "Halt",
    "Halts",
    "Hop",
    "Leg",
    "LosingQuote",
    "MarketPrice",
    "MarketSnapshot",
    "MarketSnapshotCosts",
    "MarketSnapshotPoolsItem",
    "MarketSnapshotSwapsItem",
    "Me",
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
    "PriceBucket",
    "Prices",
    "Problem",
    "ProblemFacts",
    "Quote",
    "Receipt",
    "ReceiptChildrenItem",
    "ReceiptEventsItem",
    "ReceiptFillsItem",
    "ReceiptMarketType0",
    "ReceiptOrder",
    "ReceiptOutcome",
    "ReceiptRouteType0",
    "ReceiptTransactionsItem",
    "Recent",
    "Replay",
    "Report",
    "ReportRow",
    "ResultEnum",
    "Route",
    "RouteLimits",
    "ScenarioEnum",
    "ScopeEnum",
    "Sentence",
    "SentenceFacts",
    "Shortfall",
    "SideEnum",
    "Sim",
    "Slice",
    "StateEnum",
    "Step",
    "StrategyEnum",
    "Ticket",
    "TimeInForceEnum",
    "Token",
    "Tokens",
    "Venue",
    "VenueQuote",
    "VenueRecord",
    "VenueReportRow",
    "Venues",
    "Wallet",
    "Wallets",
    "Webhook",
    "WebhookDeliveries",
    "WebhookDelivery",
    "WebhookDisabled",
    "WebhookRequested",
    "Webhooks",
    "WebhookSecret",
    "WebhookTest",
)
