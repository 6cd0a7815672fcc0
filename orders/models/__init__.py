"""What PostgreSQL remembers. Every invariant we can state is a constraint or a trigger here; no business methods."""

from orders.models.accounts import Account, ApiKey, DeadMansSwitch, IdempotencyKey, WsTicket
from orders.models.archive import ArchivedEvents, ArchivedOrder, ArchiveFile
from orders.models.audit import AuditEntry
from orders.models.controls import Heartbeat, Token, TradingControl, heartbeat_name
from orders.models.events import Fill, OrderEvent
from orders.models.labels import OrderLabel, label_of
from orders.models.orders import Order, new_id
from orders.models.people import Membership
from orders.models.pools import SeenPool
from orders.models.prices import PairPrice, PriceBucket
from orders.models.receipts import MarketRecord, Receipt, ReceiptKey
from orders.models.signing import SignedTransaction, Submission, Wallet
from orders.models.triggers import append_only
from orders.models.webhooks import Webhook, WebhookDelivery

__all__ = [
    "Account",
    "ApiKey",
    "ArchiveFile",
    "ArchivedEvents",
    "ArchivedOrder",
    "AuditEntry",
    "DeadMansSwitch",
    "Fill",
    "Heartbeat",
    "IdempotencyKey",
    "MarketRecord",
    "Membership",
    "Order",
    "OrderEvent",
    "OrderLabel",
    "PairPrice",
    "PriceBucket",
    "Receipt",
    "ReceiptKey",
    "SeenPool",
    "SignedTransaction",
    "Submission",
    "Token",
    "TradingControl",
    "Wallet",
    "Webhook",
    "WebhookDelivery",
    "WsTicket",
    "append_only",
    "heartbeat_name",
    "label_of",
    "new_id",
]
