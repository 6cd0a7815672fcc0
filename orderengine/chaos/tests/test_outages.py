"""What a run does to its dependencies: they refuse for their time, come what may, and take writes again."""

import time
from typing import Any
from unittest.mock import Mock

import psycopg
import pytest
import redis
from django.db import connection

from orderengine.chaos import outages
from orderengine.chaos.database_refusals import STATES, DatabaseRefusals
from orderengine.chaos.outages import Outages
from orders.database.errors import is_unavailable
from orders.models import Account, Order
from orders.tests.factories import place

UNINSTALL = "DROP TRIGGER chaos_refuse ON orders_order; DROP FUNCTION chaos_refuse; DROP TABLE chaos_refusal"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("state", STATES)
def test_a_database_refuses_orders_with_an_error_that_the_engine_takes_for_an_outage(
    state: str, account: Account
) -> None:
    settings = connection.settings_dict
    host, port, name = settings["HOST"], settings["PORT"], settings["NAME"]
    database = DatabaseRefusals(f"postgresql://{settings['USER']}:{settings['PASSWORD']}@{host}:{port}/{name}")
    connection.close()
    database.begin(state)
    try:
        with pytest.raises(Exception) as met:  # noqa: PT011 - which one is what is asked
            place(account)
        assert is_unavailable(met.value)
    finally:
        connection.close()
        database.end()
        with psycopg.connect(database._url, autocommit=True) as control:
            control.execute(UNINSTALL)

    place(account)
    assert Order.objects.count() == 1


def test_an_outage_lasts_its_time_over_a_restart_and_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outages, "AGAIN_S", 0.02)
    ended = Mock()
    plan = Outages(Mock(), (0.3,), 1, ended)
    begin = Mock(side_effect=[None, redis.ConnectionError, *[None] * 100])
    end = Mock(side_effect=[psycopg.OperationalError(), None])

    assert plan._start("redis", begin, end)
    assert not plan._start("redis", begin, end)
    time.sleep(0.6)

    assert begin.call_count > 3
    assert (end.call_count, ended.call_count) == (2, 1)


def test_the_end_of_the_faults_ends_an_outage_of_minutes() -> None:
    plan = Outages(Mock(), (120.0,), 1, Mock())
    end: Any = Mock()
    plan._start("redis", Mock(), end)

    plan.end()

    assert end.call_count == 1
    assert not plan.redis_refuses()
