"""Paths under /api/v1/."""

from django.urls import path, re_path

from orders import batch_views, halt_views, market_views, stream_views, views, wallet_views

urlpatterns = [
    path("quotes", market_views.QuotesView.as_view()),
    path("orders", views.OrdersView.as_view()),
    path("orders/batch", batch_views.BatchView.as_view()),
    path("orders/<uuid:order_id>", views.OrderView.as_view(), name="order"),
    path("orders/<uuid:order_id>/events", views.OrderEventsView.as_view()),
    re_path(r"^orders/by-client-id/(?P<client_order_id>[A-Za-z0-9._:\-]{1,64})\Z", views.OrderByClientIdView.as_view()),
    path("events", stream_views.EventsView.as_view()),
    path("ws-tickets", stream_views.WsTicketsView.as_view()),
    path("halt", halt_views.HaltView.as_view()),
    path("wallets", wallet_views.WalletsView.as_view()),
    path("venues", market_views.VenuesView.as_view()),
    path("tokens", market_views.TokensView.as_view()),
]
