"""What cells of admin pages show: amounts in token units, times with their zone, hashes in full, tables that fit."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from orders.amounts import format_units, grouped
from orders.models import Account, ApiKey
from orders.values import of_most

NOTHING = SafeString("–")
GWEI_DECIMALS = 9
MOST_DECIMALS = 36
# Scrolled by keys too, so it takes the focus.
SCROLLS = '<div class="wide" tabindex="0" role="group" aria-label="Table">'


def amount(atoms: int | None, decimals: int, token: str = "") -> str:
    """An exact amount in token units, thousands in groups."""
    if atoms is None:
        return str(NOTHING)
    return f"{grouped(format_units(int(atoms), decimals), MOST_DECIMALS)} {token}".rstrip()


def units(text: str | None, token: str = "") -> str:
    """The same of an amount that is stored as text in token units."""
    return str(NOTHING) if text is None else f"{grouped(text, MOST_DECIMALS)} {token}".rstrip()


def gwei(wei: int) -> str:
    """A fee per gas."""
    return f"{grouped(format_units(wei, GWEI_DECIMALS), GWEI_DECIMALS)} gwei"


def moment(at: datetime | None, timespec: str = "milliseconds") -> str:
    """A time in UTC, which it says."""
    if at is None:
        return str(NOTHING)
    return f"{at.astimezone(UTC).replace(tzinfo=None).isoformat(' ', timespec)} UTC"


def code(text: str) -> SafeString:
    """A hash or an address in full, which may break anywhere."""
    return format_html('<code class="hash">{}</code>', text)


def in_one_line(text: str) -> SafeString:
    """What breaks nowhere, also where the page is narrow."""
    return format_html('<span class="line">{}</span>', text)


def table(headings: Sequence[str], rows: Sequence[Sequence[Any]]) -> SafeString:
    """A table of escaped cells, which scrolls by itself where it is wider than the page."""
    if not rows:
        return NOTHING
    # A column of pictures has no name, and a heading without text is none.
    head = format_html_join("", "<{0}>{1}</{0}>", (("th" if heading else "td", heading) for heading in headings))
    body = format_html_join(
        "", "<tr>{}</tr>", ((format_html_join("", "<td>{}</td>", ((cell,) for cell in row)),) for row in rows)
    )
    return format_html(f"{SCROLLS}<table><thead><tr>{{}}</tr></thead><tbody>{{}}</tbody></table></div>", head, body)


def facts(pairs: Mapping[str, Any]) -> SafeString:
    """Names and values, without what is empty; what is nested is shown below its name."""
    stated = [
        (name.replace("_", " "), _value(value)) for name, value in pairs.items() if value not in (None, "", [], {})
    ]
    if not stated:
        return NOTHING
    rows = format_html_join("", '<tr><th scope="row">{}</th><td>{}</td></tr>', stated)
    return format_html(f'{SCROLLS}<table class="facts"><tbody>{{}}</tbody></table></div>', rows)


def fees_of(row: Account | ApiKey) -> str:
    """Network fees of the last day that has any, in units of value, and their limit."""
    return of_most(int(row.day_fees), row.max_day_fees) + (f" on {row.fee_day}" if row.fee_day else "")


def _value(value: Any) -> Any:
    if isinstance(value, Mapping):
        return facts(value)
    if isinstance(value, (list, tuple)):
        return "; ".join(map(str, value))
    return value
