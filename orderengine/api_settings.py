"""How the API and its schema are served: settings of Django REST framework and drf-spectacular, none from outside."""

REST_FRAMEWORK = {
    # A key counts before a cookie, which a browser adds by itself.
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "orders.access.authentication.ApiKeyAuthentication",
        "orders.access.sessions.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated", "orders.api.permissions.HasScope"],
    "DEFAULT_THROTTLE_CLASSES": ["orders.api.throttles.KeyThrottle"],
    "DEFAULT_PARSER_CLASSES": ["orders.api.parsers.StrictJSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["orders.api.parsers.QuickJSONRenderer"],
    "DEFAULT_SCHEMA_CLASS": "orders.api.openapi.Schema",
    "EXCEPTION_HANDLER": "orders.api.exceptions.problem_handler",
    "UNAUTHENTICATED_USER": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Order Execution Engine",
    "VERSION": "1",
    "DESCRIPTION": (
        "Swaps that are routed at the best price, executed at most once and watched until they are final. "
        "Amounts are decimal strings in token units, each with its integer twin in atoms (`*_raw`). "
        "Where a key is asked for, send `Authorization: Bearer KEY`. "
        "Errors are problem objects (RFC 9457) with a stable `code`. "
        "Live events: `ws://HOST:PORT/orders/{order_id}` for one order, `ws://HOST:PORT/ws/v1/stream` for all of them. "
        "Live quotes: `ws://HOST:PORT/ws/v1/quotes`. What they send: `/api/v1/asyncapi`."
    ),
    "OAS_VERSION": "3.1.0",
    "ENFORCE_NON_BLANK_FIELDS": True,
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "orders.api.openapi.link_orders",
        "orders.api.webhooks.published.state_headers",
    ],
    "WEBHOOKS": [f"orders.api.webhooks.published.{name}" for name in ("EVENT", "GAP", "TEST", "DISABLED")],
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PUBLIC": True,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "ENUM_NAME_OVERRIDES": {"OrderStatusEnum": "orders.states.OrderStatus"},
}
