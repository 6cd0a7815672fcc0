"""Sums over the caller's orders: GET /reports/execution, as JSON and as CSV, and GET /reports/recent."""

from tempfile import SpooledTemporaryFile
from typing import Any, ClassVar

from django.http import FileResponse, Http404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from orders import scopes
from orders.api import parameters, schema
from orders.api.base import AccountView, account_of
from orders.api.parsers import QuickJSONRenderer
from orders.api.records.at_once import AtOnce
from orders.inputs.filters import check_tokens, read_known_pair
from orders.presentation.recent import RECENT
from orders.presentation.report import REPORT, Asked, csv_parts, json_parts
from orders.problems import FieldError, Problem, ProblemError
from orders.scalars import read_choice, read_text, read_time
from orders.services.recent import recent_orders
from orders.services.report import GROUP_BY, execution_report

# Of an answer that is kept in memory until it is sent; a larger one waits on disk.
KEPT_BYTES = 256 * 1024
REPORTS = AtOnce("reports")
MAX_SYMBOL = 32
SYMBOL = {"type": "string", "maxLength": MAX_SYMBOL, "pattern": r"^[^\x00]+$"}


class CsvRenderer(QuickJSONRenderer):
    """Lets a request ask for CSV. What is rendered is a refusal, which is JSON for all: reports are files."""

    media_type = "text/csv"
    format = "csv"


class ExecutionReportView(AccountView):
    """GET /reports/execution."""

    scopes: ClassVar = {"GET": scopes.READ}
    query_names: ClassVar = {
        "GET": ("group_by", "created_after", "created_before", "pair", "token_in", "token_out", "format")
    }
    renderer_classes = (QuickJSONRenderer, CsvRenderer)

    def perform_content_negotiation(self, request: Request, force: bool = False) -> Any:
        """As the framework does it. Raises: ProblemError for a `format` that there is none of."""
        try:
            return super().perform_content_negotiation(request, force)
        except Http404:
            detail = "format must be json or csv"
            raise ProblemError(Problem("invalid", detail, errors=[FieldError("/format", "invalid", detail)])) from None

    @extend_schema(
        parameters=[
            OpenApiParameter("group_by", str, enum=GROUP_BY, required=True),
            *(one for one in parameters.LIST_PARAMETERS if one.name in {"created_after", "created_before", "pair"}),
            OpenApiParameter("token_in", SYMBOL),
            OpenApiParameter("token_out", SYMBOL),
            OpenApiParameter("format", str, enum=["json", "csv"], description="In place of `Accept`."),
        ],
        responses={
            **schema.answers(REPORT, (200, "application/json")),
            (200, "text/csv"): OpenApiTypes.STR,
        },
        operation_id="reportExecution",
    )
    def get(self, request: Request) -> FileResponse:
        """Executed amounts, and what they cost against quote and arrival, by venue, pair, hour, day, key or type."""
        asked = self._asked()
        with REPORTS.one(account_of(request)):
            report = execution_report(account_of(request), asked)
        is_csv = request.accepted_renderer.format == CsvRenderer.format
        # Complete before its first byte leaves: what goes wrong is an answer of its own, and no database is held
        # while a client reads.
        file: Any = SpooledTemporaryFile(KEPT_BYTES)  # noqa: SIM115 - the response closes it
        for part in csv_parts(report) if is_csv else json_parts(report):
            file.write(part.encode())
        file.seek(0)
        answer = FileResponse(file, content_type="text/csv; charset=utf-8" if is_csv else "application/json")
        if is_csv:
            answer["Content-Disposition"] = f'attachment; filename="execution-by-{report.asked.group_by}.csv"'
        return answer

    def _asked(self) -> Asked:
        read = self.query.read
        group_by = read("group_by", lambda text: read_choice(text, GROUP_BY))
        if group_by is None:
            detail = f"group_by must be one of {', '.join(GROUP_BY)}"
            raise ProblemError(Problem("invalid", detail, errors=[FieldError("/group_by", "invalid", detail)]))
        return Asked(
            group_by,
            read("created_after", read_time),
            read("created_before", read_time),
            read("pair", read_known_pair),
            read("token_in", _read_token),
            read("token_out", _read_token),
        )


def _read_token(text: str) -> str:
    """A registered token. Raises: ScalarError."""
    read_text(text, most=MAX_SYMBOL)
    check_tokens([text])
    return text


class RecentReportView(AccountView):
    """GET /reports/recent."""

    scopes: ClassVar = {"GET": scopes.READ}

    @extend_schema(responses=schema.answers(RECENT), operation_id="reportRecent")
    def get(self, request: Request) -> Response:
        """How the newest 200 orders that have ended went: how long they took, and what came of them by venue."""
        return Response(RECENT.render(recent_orders(account_of(request))))
