"""How people sign in: sessions, forms and one-time codes. None of these comes from outside."""

# The page that asks for name and password, and where it leads without another wish.
LOGIN_URL = "/sign-in"
LOGIN_REDIRECT_URL = "/"
# A session ends so long after its last use, and with the browser; `orders/access/sessions.py` sets the absolute end.
SESSION_COOKIE_AGE = 3_600
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
# Pages carry the token in their markup, so that no script needs the cookie.
CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "orders.web.sign_in.form_outdated"
OTP_TOTP_ISSUER = "Order Execution Engine"
