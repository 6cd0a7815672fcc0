"""Answers health probes for any host: a load balancer asks by the address of the machine, or names none."""

from collections.abc import Callable

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from orderengine.web.health import health, ready

PROBES: dict[str, Callable[[HttpRequest], HttpResponseBase]] = {"/health": health, "/ready": ready}


def answer_probes(get_response: Callable[[HttpRequest], HttpResponseBase]) -> Callable[[HttpRequest], HttpResponseBase]:
    """Middleware before all that look at the host. The two answers hold no link, and say nothing of the host."""

    def answer(request: HttpRequest) -> HttpResponseBase:
        return PROBES.get(request.path, get_response)(request)

    return answer
