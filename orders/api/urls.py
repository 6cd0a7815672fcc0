"""Paths under /api/v1/."""

from django.urls import path, re_path

from orders.api import batch, events, orders, pause, wallets
from orders.api.callers import me, tickets
from orders.api.life import cancel, deadman
from orders.api.market import curve, prices, quotes, venues
from orders.api.records import explain, receipts, reports
from orders.api.webhooks import views as webhooks

urlpatterns = [
    path("quotes", quotes.QuotesView.as_view()),
    path("quotes/curve", curve.CurveView.as_view()),
    path("orders", orders.OrdersView.as_view()),
    path("orders/batch", batch.BatchView.as_view()),
    path("orders/cancel", cancel.CancelManyView.as_view()),
    path("orders/<uuid:order_id>", orders.OrderView.as_view(), name="order"),
    path("orders/<uuid:order_id>/events", orders.OrderEventsView.as_view()),
    path("orders/<uuid:order_id>/execution", explain.ExecutionView.as_view()),
    path("orders/<uuid:order_id>/explain", explain.ExplainView.as_view()),
    path("orders/<uuid:order_id>/receipt", receipts.ReceiptView.as_view()),
    path("orders/<uuid:order_id>/snapshot", receipts.SnapshotView.as_view()),
    path("orders/<uuid:order_id>/replay", receipts.ReplayView.as_view()),
    re_path(
        r"^orders/by-client-id/(?P<client_order_id>[A-Za-z0-9._:\-]{1,64})\Z", orders.OrderByClientIdView.as_view()
    ),
    path("reports/execution", reports.ExecutionReportView.as_view()),
    path("reports/recent", reports.RecentReportView.as_view()),
    path("prices", prices.PricesView.as_view()),
    path("events", events.EventsView.as_view()),
    path("me", me.MeView.as_view()),
    path("ws-tickets", tickets.WsTicketsView.as_view()),
    path("deadman", deadman.DeadmanView.as_view()),
    path("halt", pause.HaltView.as_view()),
    path("webhooks", webhooks.WebhooksView.as_view()),
    path("webhooks/<uuid:webhook_id>", webhooks.WebhookView.as_view()),
    path("webhooks/<uuid:webhook_id>/test", webhooks.WebhookTestView.as_view()),
    path("webhooks/<uuid:webhook_id>/rotate-secret", webhooks.WebhookSecretView.as_view()),
    path("webhooks/<uuid:webhook_id>/redeliver", webhooks.WebhookRedeliverView.as_view()),
    path("webhooks/<uuid:webhook_id>/deliveries", webhooks.WebhookDeliveriesView.as_view()),
    path("wallets", wallets.WalletsView.as_view()),
    path("venues", venues.VenuesView.as_view()),
    path("tokens", venues.TokensView.as_view()),
]
