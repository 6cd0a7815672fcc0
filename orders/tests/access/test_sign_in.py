"""Signing in: password, code, enrolment, sign-out; what each leaves in the audit log, and what is told to whom."""

import re
from base64 import b32encode
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.contrib.auth import get_user_model
from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.test import Client
from django_otp.plugins.otp_static.models import StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice

from orders.access.second_factor import MOST_BEGUN
from orders.models import Account, AuditEntry
from orders.tests.people import PASSWORD, browser_of, code_of, enroll, new_person, sign_in
from orders.web.tries import PER_NAME

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("tokens")]

WRONG = "Please enter a correct username and password"


@pytest.fixture(autouse=True)
def quick(settings: Any) -> None:
    """Hashes that cost no time, and a window of tries that does not end during a test."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture(autouse=True)
def still(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orders.web.tries.time.time", lambda: 1_800_000_030.0)


def give_password(client: Client, name: str, password: str = PASSWORD, then: str = "") -> Any:
    return client.post("/sign-in", {"username": name, "password": password, "next": then})


def give_code(client: Client, code: str) -> Any:
    return client.post("/sign-in/code", {"code": code})


def who(client: Client) -> Any:
    """What the API calls the browser's user; None for none."""
    answer = client.get("/api/v1/me")
    return answer.json()["user"] if answer.status_code == 200 else None


def of_page(answer: Any) -> dict[str, str]:
    """What the form of another app sends of its page."""
    return dict(re.findall(r'name="(of_page)" value="([^"]+)"', answer.content.decode()))


def acts() -> list[tuple[str, str]]:
    rows = AuditEntry.objects.exclude(action="transaction.sign").order_by("id")
    return [(row.actor, row.action) for row in rows]


# --- Without a code ---------------------------------------------------------------------------------------


def test_who_may_only_read_signs_in_with_a_password(client: Client, account: Account) -> None:
    user = new_person(account, "read_only")

    entered = give_password(client, user.username)

    assert (entered.status_code, entered["Location"]) == (302, "/")
    assert client.get("/api/v1/me").json() | {"csrf_token": ""} == {
        "account": account.name, "user": user.username, "role": "read_only", "key_prefix": None,
        "scopes": ["read", "quote"], "csrf_token": "",
    }  # fmt: skip
    assert 'id="ticket-form"' in client.get("/").content.decode()
    assert acts() == [(user.username, "user.sign_in")]


def test_wrong_names_passwords_and_users_who_are_not_active_get_the_same_answer(
    client: Client, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    user, gone = new_person(account), new_person(account, is_active=False)
    hashed: list[str] = []
    monkeypatch.setattr(
        "django.contrib.auth.base_user.AbstractBaseUser.set_password",
        lambda user, password: hashed.append(password),
    )

    pages = [
        re.sub(r'value="[^"]*"', "", give_password(client, name, password).content.decode())
        for name, password in ((user.username, "wrong"), ("unknown", PASSWORD), (gone.username, PASSWORD))
    ]

    assert WRONG in pages[0]
    assert pages[0] == pages[1] == pages[2]
    assert hashed == [PASSWORD], "a name that does not exist costs a hash too"
    assert who(client) is None


def test_who_has_no_role_learns_it_behind_the_right_password_alone(client: Client) -> None:
    user = new_person(None)

    assert "no role here yet" in give_password(client, user.username).content.decode()
    assert "no role" not in give_password(client, user.username, "wrong").content.decode()
    assert not Session.objects.exists()


@pytest.mark.parametrize(
    ("wanted", "leads_to"),
    [
        ("/problems/scope", "/problems/scope"),
        ("http://testserver/admin/", "http://testserver/admin/"),
        ("https://evil.example/", "/"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("javascript:alert(1)", "/"),
        ("", "/"),
    ],
)
def test_it_leads_to_no_other_site(client: Client, account: Account, wanted: str, leads_to: str) -> None:
    reader, trader = new_person(account, "read_only"), new_person(account)
    device = enroll(trader)

    assert give_password(client, reader.username, then=wanted)["Location"] == leads_to
    give_password(client, trader.username, then=wanted)
    assert give_code(client, code_of(device))["Location"] == leads_to


# --- With a code ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fields", [{"role": "trading"}, {"role": "operator"}, {"role": "read_only", "is_staff": True}])
def test_before_the_code_no_person_is_signed_in(client: Client, account: Account, fields: dict[str, Any]) -> None:
    user = new_person(account, **fields)
    device = enroll(user)

    asked = give_password(client, user.username)

    assert (asked.status_code, asked["Location"]) == (302, "/sign-in/code")
    assert who(client) is None
    assert 'id="ticket-form"' not in client.get("/").content.decode()
    assert client.get("/admin/").status_code == 302
    assert acts() == []
    assert give_code(client, code_of(device)).status_code == 302
    assert who(client) == user.username
    assert acts() == [(user.username, "user.sign_in")]


def test_a_code_counts_once(client: Client, account: Account) -> None:
    user = new_person(account)
    code = code_of(enroll(user))
    give_password(client, user.username)
    give_code(client, code)
    other = Client()
    give_password(other, user.username)

    again = give_code(other, code)

    assert (again.status_code, who(other)) == (200, None)
    assert "not valid now" in again.content.decode()


def test_wrong_codes_wait_for_each_other_and_are_tries(client: Client, account: Account) -> None:
    """The right password does not begin the count again: else codes could be guessed without end."""
    user = new_person(account)
    device = enroll(user)
    give_password(client, user.username)

    first = give_code(client, "000000").content.decode()
    second = give_code(client, code_of(device)).content.decode()

    assert "Wait 1 s" in first + second
    assert who(client) is None, "too soon after the wrong one"
    for _ in range(PER_NAME - 4):
        give_code(client, "abc")
    assert "Too many tries" not in give_password(client, user.username).content.decode()
    TOTPDevice.objects.update(throttling_failure_timestamp=None, throttling_failure_count=0)
    assert "Too many tries" in give_code(client, code_of(device)).content.decode()
    assert acts() == [("unknown", "user.sign_in_blocked")]
    give_code(client, "000000")
    assert len(acts()) == 1, "said once"


@pytest.mark.parametrize("change", ["password", "inactive", "late"])
def test_a_password_that_was_right_does_not_wait_without_end(client: Client, account: Account, change: str) -> None:
    user = new_person(account)
    device = enroll(user)
    give_password(client, user.username)
    if change == "password":
        user.set_password("another one that is long")
        user.save()
    elif change == "inactive":
        get_user_model().objects.update(is_active=False)
    else:
        Session.objects.update(expire_date="2026-01-01T00:00Z")

    answer = give_code(client, code_of(device))

    assert (answer.status_code, answer["Location"]) == (302, "/sign-in")
    assert who(client) is None


# --- Enrolment --------------------------------------------------------------------------------------------


def secret_on(page: str) -> TOTPDevice:
    """The device of the secret that the page shows as text."""
    [shown] = re.findall(r'id="secret">([A-Z2-7 ]+)<', page)
    of_secret = {b32encode(each.bin_key).decode().rstrip("="): each for each in TOTPDevice.objects.all()}
    return of_secret[shown.replace(" ", "")]


def test_the_first_sign_in_enrolls_an_app_and_shows_backup_codes_once(client: Client, account: Account) -> None:
    user = new_person(account)
    asked = give_password(client, user.username, then="/problems/scope")
    assert asked["Location"] == "/sign-in/two-factor"
    assert client.get("/sign-in/code")["Location"] == "/sign-in/two-factor"
    page = client.get("/sign-in/two-factor")
    text = page.content.decode()
    device = secret_on(text)
    assert "<svg" in text
    assert "style=" not in text
    assert "no-store" in page["Cache-Control"]
    assert secret_on(client.get("/sign-in/two-factor").content.decode()) == device, "a reload keeps the secret"
    assert client.post("/sign-in/two-factor", {"code": "000000"}).status_code == 200
    assert who(client) is None
    TOTPDevice.objects.update(throttling_failure_timestamp=None, throttling_failure_count=0)

    done = client.post("/sign-in/two-factor", {"code": code_of(device)}).content.decode()

    codes = re.findall(r"<li><code>([a-z2-7-]+)</code>", done)
    assert (len(codes), len(set(codes)), who(client)) == (10, 10, user.username)
    assert 'href="/problems/scope"' in done
    assert acts() == [(user.username, "user.two_factor_enroll"), (user.username, "user.sign_in")]
    assert not set(codes) & set(StaticToken.objects.values_list("token", flat=True))

    other = Client()
    give_password(other, user.username)
    assert other.get("/sign-in/two-factor")["Location"] == "/sign-in/code", "an app is there: no other without it"
    assert give_code(other, f" {codes[0].upper()} ").status_code == 302
    assert who(other) == user.username
    assert StaticToken.objects.count() == 9
    third = Client()
    give_password(third, user.username)
    assert give_code(third, codes[0]).status_code == 200, "a backup code opens once"


def test_each_browser_that_enrolls_has_a_secret_of_its_own_and_one_of_them_wins(account: Account) -> None:
    user = new_person(account)
    browsers = [Client(), Client()]
    devices = []
    for browser in browsers:
        give_password(browser, user.username)
        browser.get("/sign-in/two-factor")
        devices.append(TOTPDevice.objects.latest("id"))
    assert devices[0].key != devices[1].key

    browsers[0].post("/sign-in/two-factor", {"code": code_of(devices[0])})
    late = browsers[1].post("/sign-in/two-factor", {"code": code_of(devices[1])})

    assert (who(browsers[0]), who(browsers[1])) == (user.username, None)
    assert (late.status_code, late["Location"]) == (302, "/sign-in/code")
    assert list(TOTPDevice.objects.all()) == [devices[0]]


def test_who_is_signed_in_takes_another_app_and_sessions_of_the_old_one_end(account: Account) -> None:
    user = new_person(account)
    here, elsewhere = browser_of(user), browser_of(user)
    page = of_page(here.get("/sign-in/two-factor"))
    device = TOTPDevice.objects.get(confirmed=False)

    without = here.post("/sign-in/two-factor", page | {"code": code_of(device)})
    assert of_page(without).keys() == page.keys()
    wrong = here.post("/sign-in/two-factor", of_page(without) | {"code": code_of(device), "password": "wrong"})
    assert [who(elsewhere), TOTPDevice.objects.get(confirmed=True).pk == device.pk] == [user.username, False]
    done = here.post("/sign-in/two-factor", of_page(wrong) | {"code": code_of(device), "password": PASSWORD})

    assert ["password or code" in answer.content.decode() for answer in (without, wrong)] == [True, True]
    assert "Backup codes" in done.content.decode()
    assert (who(here), who(elsewhere)) == (user.username, None)
    assert list(TOTPDevice.objects.all()) == [device]


def test_who_uses_a_copy_of_the_cookie_learns_no_secret_that_is_enrolled_and_is_out_after_it(account: Account) -> None:
    user = new_person(account)
    here, copy = browser_of(user), Client()
    copy.cookies[django_settings.SESSION_COOKIE_NAME] = here.cookies[django_settings.SESSION_COOKIE_NAME].value
    seen = [secret_on(copy.get("/sign-in/two-factor").content.decode())]
    answer = here.get("/sign-in/two-factor")
    device = secret_on(answer.content.decode())
    for wrong in ({}, {"of_page": "0"}, {"of_page": of_page(answer)["of_page"][:-1]}):
        seen.append(secret_on(copy.post("/sign-in/two-factor", wrong | {"code": "x"}).content.decode()))

    done = here.post("/sign-in/two-factor", of_page(answer) | {"code": code_of(device), "password": PASSWORD})

    assert "Backup codes" in done.content.decode()
    assert device.key not in {each.key for each in seen}
    assert (who(here), who(copy)) == (user.username, None)


def test_pages_that_are_opened_again_and_again_keep_few_secrets(account: Account) -> None:
    client = browser_of(new_person(account))

    secrets = [secret_on(client.get("/sign-in/two-factor").content.decode()).key for _ in range(MOST_BEGUN + 2)]

    kept = TOTPDevice.objects.filter(confirmed=False).order_by("pk").values_list("key", flat=True)
    assert list(kept) == secrets[-MOST_BEGUN:]


def test_a_session_ends_with_its_app_also_where_the_role_needs_none(account: Account) -> None:
    user = new_person(account, "read_only", "alice")
    client = browser_of(user)
    assert who(client) == "alice"

    call_command("users", "reset-two-factor", "alice")

    assert who(client) is None


# --- Out, and who may come in -----------------------------------------------------------------------------


def test_signing_out_ends_the_session_and_is_done_by_post_alone(account: Account) -> None:
    user = new_person(account)
    client, copy = browser_of(user), Client()
    copy.cookies[django_settings.SESSION_COOKIE_NAME] = client.cookies[django_settings.SESSION_COOKIE_NAME].value

    assert client.get("/sign-out").status_code == 405
    assert (who(client), who(copy)) == (user.username, user.username)
    assert client.post("/sign-out")["Location"] == "/sign-in"

    assert (who(client), who(copy)) == (None, None), "the cookie is worth nothing, wherever it was copied to"
    assert acts() == [(user.username, "user.sign_out")]


def test_a_session_of_before_the_sign_in_is_worth_nothing_after_it(account: Account) -> None:
    """Fixation: a browser that was given a session, anonymous or of another user, leaves it behind."""
    user, attacker = new_person(account), new_person(account)
    device = enroll(user)
    theirs = browser_of(attacker)
    planted = theirs.cookies[django_settings.SESSION_COOKIE_NAME].value
    victim = Client()
    victim.cookies[django_settings.SESSION_COOKIE_NAME] = planted

    give_password(victim, user.username)
    waiting = victim.cookies[django_settings.SESSION_COOKIE_NAME].value
    give_code(victim, code_of(device))

    final = victim.cookies[django_settings.SESSION_COOKIE_NAME].value
    assert len({planted, waiting, final}) == 3
    assert who(victim) == user.username
    assert who(theirs) is None
    assert Session.objects.count() == 1


def test_staff_without_a_code_get_nothing_in_the_admin(account: Account) -> None:
    boss = get_user_model().objects.create_superuser("boss")
    half = sign_in(Client(), boss, with_code=False)

    for path in ("/admin/", "/admin/orders/order/", "/admin/auth/user/", "/admin/password_change/", "/admin/jsi18n/"):
        answer = half.get(path)
        assert answer.status_code in {302, 404}, path
        assert answer.get("Location", "/sign-in").startswith(("/admin/login/", "/sign-in")), path
    assert browser_of(boss).get("/admin/").status_code == 200


def test_where_the_api_is_open_to_this_machine_no_code_is_asked_for(client: Client, settings: Any) -> None:
    settings.API_IS_OPEN = True
    get_user_model().objects.create_superuser("boss", password=PASSWORD)

    entered = client.post("/admin/login/?next=/admin/", {"username": "boss", "password": PASSWORD})

    assert (entered.status_code, entered["Location"]) == (302, "/admin/")
    assert client.get("/admin/").status_code == 200
    settings.API_IS_OPEN = False
    assert client.get("/admin/").status_code == 302, "the same session is worth nothing elsewhere"


def test_a_superuser_without_a_role_has_the_admin_and_no_desk(account: Account) -> None:
    client = browser_of(get_user_model().objects.create_superuser("boss"))

    page = client.get("/")

    assert "no role for an account" in page.content.decode()
    assert "form-action 'self'" in page["Content-Security-Policy"]
    assert client.get("/api/v1/orders").status_code == 401
    assert client.get("/admin/").status_code == 200


@pytest.mark.parametrize("path", ["/sign-in", "/admin/login/", "/sign-in/code", "/sign-in/two-factor"])
def test_forms_are_kept_by_no_cache_framed_by_no_page_and_refuse_other_sites(account: Account, path: str) -> None:
    user = new_person(account)
    client = Client(enforce_csrf_checks=True)
    if path != "/sign-in":
        page = client.get("/sign-in").content.decode()
        [token] = re.findall(r'csrfmiddlewaretoken" value="(\w+)"', page)
        client.post("/sign-in", {"username": user.username, "password": PASSWORD, "csrfmiddlewaretoken": token})
        if path == "/sign-in/code":
            enroll(user)

    form = client.get(path)

    assert form.status_code == 200
    assert "no-store" in form["Cache-Control"]
    assert "frame-ancestors 'none'" in form["Content-Security-Policy"]
    assert form["X-Frame-Options"] == "DENY"
    refused = client.post(path, {"username": user.username, "password": PASSWORD, "code": "1"})
    assert (refused.status_code, "out of date" in refused.content.decode()) == (403, True)


def test_no_name_password_or_code_reaches_the_log(
    client: Client, account: Account, caplog: pytest.LogCaptureFixture
) -> None:
    user = new_person(account)
    enroll(user)
    for _ in range(PER_NAME + 1):
        give_password(client, "secret in the wrong field", "secret password")
    give_password(client, user.username)
    give_code(client, "secret code")

    assert "too many tries" in caplog.text
    assert "secret" not in caplog.text
    assert "secret" not in str(list(AuditEntry.objects.values()))


def test_who_is_signed_in_takes_another_password_and_other_sessions_end(account: Account) -> None:
    user = new_person(account)
    here, elsewhere, stranger = browser_of(user), browser_of(user), Client()
    new = {"new_password1": "a new one that is long", "new_password2": "a new one that is long"}

    assert stranger.get("/sign-in/password")["Location"] == "/sign-in"
    wrong = here.post("/sign-in/password", new | {"old_password": "wrong"})
    short = here.post("/sign-in/password", {"old_password": PASSWORD, "new_password1": "a", "new_password2": "a"})
    done = here.post("/sign-in/password", new | {"old_password": PASSWORD})

    assert "entered incorrectly" in wrong.content.decode()
    assert "too short" in short.content.decode()
    assert (done.status_code, who(here), who(elsewhere)) == (302, user.username, None)
    assert acts() == [(user.username, "user.password")]
    for _ in range(PER_NAME):
        here.post("/sign-in/password", new | {"old_password": "wrong"})
    assert "Too many tries" in here.post("/sign-in/password", new | {"old_password": "wrong"}).content.decode()


def test_a_sign_in_takes_sessions_away_that_have_come_to_their_end(client: Client, account: Account) -> None:
    old, other = browser_of(new_person(account)), browser_of(new_person(account))
    Session.objects.filter(session_key=old.session.session_key).update(expire_date="2026-01-01T00:00Z")

    give_password(client, new_person(account, "read_only").username)

    assert Session.objects.count() == 2
    assert who(other) is not None


# --- By an operator ---------------------------------------------------------------------------------------


def test_users_are_made_given_roles_and_reset_on_the_command_line(account: Account, tmp_path: Any, capsys: Any) -> None:
    file = tmp_path / "password"
    file.write_text(PASSWORD + "\n")
    file.chmod(0o600)
    call_command("users", "add", "alice", "--account", account.name, "--role", "trading", "--password-file", str(file))
    alice = get_user_model().objects.get(username="alice")
    assert (alice.check_password(PASSWORD), alice.membership.role, alice.is_staff) == (True, "trading", False)
    enroll(alice)

    call_command("users", "role", "alice", "operator", "--account", account.name)
    call_command("users", "list")
    listed = capsys.readouterr().out
    assert all(word in listed for word in ("alice", "operator", account.name, "two-factor"))
    call_command("users", "reset-two-factor", "alice")
    assert not TOTPDevice.objects.exists()
    call_command("users", "deactivate", "alice")
    call_command("users", "activate", "alice")
    call_command("users", "remove-role", "alice")
    assert [action for _, action in acts()] == [
        "user.create", "user.role", "user.role", "user.two_factor_reset", "user.active", "user.active", "user.role",
    ]  # fmt: skip
