"""Orders that wait for a price, are executed by children, or decide on each other: their columns, and what finds them.

Columns and the guard of statuses are changed in one instant, in which the table is locked; indexes are built beside
writers and constraints are validated beside them. It may be interrupted and begun again. The session's limits of time are
lifted for it, since a large table takes longer than any request may.
"""

from typing import Any

import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
from django.contrib.postgres.operations import (
    AddConstraintNotValid,
    AddIndexConcurrently,
    RemoveIndexConcurrently,
    ValidateConstraint,
)
from django.db import migrations, models
from django.db.models import F, Q
from django.db.models.functions import Now

from orders.database.long_statements import lift_limits, restore_limits
from orders.database.short_waits import in_short_waits
from orders.fields import AtomsField

GUARD = pgtrigger.compiler.Trigger(
    name="order_status_guard",
    sql=pgtrigger.compiler.UpsertTriggerSql(
        condition="WHEN ((OLD.status IS DISTINCT FROM NEW.status OR OLD.seq IS DISTINCT FROM NEW.seq)\n        AND (OLD.status || '>' || NEW.status = ANY ('{PENDING>CONFIRMED,PENDING>FAILED,PENDING>PENDING,PENDING>ROUTING,ROUTING>BUILDING,ROUTING>FAILED,ROUTING>PENDING,ROUTING>ROUTING,BUILDING>BUILDING,BUILDING>FAILED,BUILDING>ROUTING,BUILDING>SUBMITTED,SUBMITTED>CONFIRMED,SUBMITTED>FAILED,SUBMITTED>ROUTING,SUBMITTED>SUBMITTED}'::text[]) AND NEW.seq = OLD.seq + 1\n            AND NOT (NEW.cancel_requested_at IS NOT NULL AND NEW.status <> OLD.status\n                     AND NEW.status = ANY ('{ROUTING,BUILDING}'::text[]) AND OLD.status <> 'PENDING')\n        ) IS NOT TRUE)",
        func="\n        IF (OLD.status || '>' || NEW.status = ANY ('{PENDING>CONFIRMED,PENDING>FAILED,PENDING>PENDING,PENDING>ROUTING,ROUTING>BUILDING,ROUTING>FAILED,ROUTING>PENDING,ROUTING>ROUTING,BUILDING>BUILDING,BUILDING>FAILED,BUILDING>ROUTING,BUILDING>SUBMITTED,SUBMITTED>CONFIRMED,SUBMITTED>FAILED,SUBMITTED>ROUTING,SUBMITTED>SUBMITTED}'::text[])) IS NOT TRUE THEN\n            RAISE EXCEPTION 'illegal transition % -> % of order %', OLD.status, NEW.status, OLD.id\n                USING ERRCODE = 'check_violation';\n        END IF;\n        IF NEW.seq IS DISTINCT FROM OLD.seq + 1 THEN\n            RAISE EXCEPTION 'seq must go from % to % with the status, not to %', OLD.seq, OLD.seq + 1, NEW.seq\n                USING ERRCODE = 'check_violation';\n        END IF;\n        RAISE EXCEPTION 'order % is to be cancelled, it cannot go from % to %', OLD.id, OLD.status, NEW.status\n            USING ERRCODE = 'check_violation';\n    ",
        hash="63ed98bd3841ec6e3a7f13366c62e8f905fd2255",
        operation="UPDATE",
        pgid="pgtrigger_order_status_guard_810be",
        table="orders_order",
        when="BEFORE",
    ),
)
KINDS = ("limit", "rises", "falls", "trails", "last_rises", "last_falls", "last_trails")
COLUMNS = """
    ALTER TABLE orders_order
        ADD COLUMN IF NOT EXISTS trigger_kind varchar(16),
        ADD COLUMN IF NOT EXISTS trigger_at_price numeric(120, 60),
        ADD COLUMN IF NOT EXISTS parent_id uuid
            CONSTRAINT orders_order_parent_id_fk REFERENCES orders_order (id) DEFERRABLE INITIALLY DEFERRED,
        ADD COLUMN IF NOT EXISTS is_parent boolean NOT NULL DEFAULT false,
        ADD COLUMN IF NOT EXISTS allotted numeric(78, 0),
        ADD COLUMN IF NOT EXISTS filled_amount_in numeric(78, 0),
        ADD COLUMN IF NOT EXISTS filled_amount_out numeric(78, 0),
        ADD COLUMN IF NOT EXISTS link_id uuid,
        ADD COLUMN IF NOT EXISTS link varchar(24),
        ADD COLUMN IF NOT EXISTS link_rank smallint
"""
FIELDS: dict[str, Any] = {
    "trigger_kind": models.CharField(max_length=16, null=True),
    "trigger_at_price": models.DecimalField(max_digits=120, decimal_places=60, null=True),
    "parent": models.ForeignKey(
        to="orders.order",
        on_delete=django.db.models.deletion.PROTECT,
        related_name="children",
        null=True,
        db_index=False,
    ),
    "is_parent": models.BooleanField(default=False, db_default=False),
    "allotted": AtomsField(
        null=True, help_text="Of the fixed side, what a parent's children have filled or may yet fill; null: no parent."
    ),
    "filled_amount_in": AtomsField(null=True, help_text="What a parent's ended children have given."),
    "filled_amount_out": AtomsField(null=True, help_text="What a parent's ended children have received."),
    "link_id": models.UUIDField(null=True),
    "link": models.CharField(max_length=24, null=True, help_text="one_cancels_other or then."),
    "link_rank": models.SmallIntegerField(null=True, help_text="Its place in the request, from 0; `then` goes by it."),
}
INDEXES = (
    ("order_due_children", ("chain_id", "due_at"), Q(status="PENDING", is_parent=True)),
    (
        "order_waits_for_price",
        ("chain_id", "token_in", "token_out", "trigger_kind", "trigger_at_price"),
        Q(status="PENDING", trigger_kind__isnull=False),
    ),
    ("order_children", ("parent", "id"), Q(parent__isnull=False)),
    ("order_linked", ("link_id", "link_rank"), Q(link_id__isnull=False)),
)
CONSTRAINTS = {
    "order_confirmed_has_amounts": ~Q(status="CONFIRMED")
    | Q(amount_in__gt=0, amount_out__gt=0) & (Q(tx_hash__isnull=False) | Q(is_parent=True)),
    "order_allotted_within_amount": Q(is_parent=False, allotted__isnull=True)
    | Q(is_parent=True, parent__isnull=True, allotted__gte=0, allotted__lte=F("amount")),
    "order_parent_is_not_routed": Q(is_parent=False) | Q(status__in=("PENDING", "CONFIRMED", "FAILED")),
    "order_trigger_whole": Q(trigger_kind__isnull=True, trigger_at_price__isnull=True)
    | Q(trigger_kind__in=KINDS, trigger_at_price__gt=0),
    "order_link_whole": Q(link_id__isnull=True, link__isnull=True, link_rank__isnull=True)
    | Q(link_id__isnull=False, link__in=("one_cancels_other", "then"), link_rank__gte=0),
}


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("orders", "0028_call_the_status_guard_to_refuse"),
    ]

    operations = [
        migrations.CreateModel(
            name="DeadMansSwitch",
            fields=[
                (
                    "account",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="+",
                        serialize=False,
                        to="orders.account",
                    ),
                ),
                ("timeout_s", models.PositiveIntegerField()),
                ("due_at", models.DateTimeField()),
                ("renewed_at", models.DateTimeField(db_default=Now())),
                ("fired_at", models.DateTimeField(null=True)),
                ("actor", models.CharField(max_length=150)),
            ],
            options={
                "ordering": ("account",),
                "indexes": [
                    models.Index(fields=("due_at",), condition=Q(fired_at__isnull=True), name="dead_mans_switch_due")
                ],
                "constraints": [
                    models.CheckConstraint(condition=Q(timeout_s__gte=1), name="dead_mans_switch_timeout_positive")
                ],
            },
        ),
        migrations.CreateModel(
            name="PairPrice",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("chain_id", models.CharField(max_length=64)),
                ("token_in", models.CharField(max_length=32)),
                ("token_out", models.CharField(max_length=32)),
                ("block", models.BigIntegerField()),
                ("at", models.DateTimeField(db_default=Now())),
                ("mid", models.DecimalField(max_digits=120, decimal_places=60)),
            ],
            options={
                "ordering": ("id",),
                "indexes": [models.Index(fields=("at",), name="pair_price_by_age")],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("chain_id", "token_in", "token_out", "block"), name="pair_price_once_a_block"
                    ),
                    models.CheckConstraint(condition=Q(mid__gt=0), name="pair_price_positive"),
                ],
            },
        ),
        migrations.RunPython(lift_limits, migrations.RunPython.noop),
        migrations.RunSQL(
            in_short_waits(COLUMNS),
            migrations.RunSQL.noop,
            state_operations=[migrations.AddField("order", name, field) for name, field in FIELDS.items()],
        ),
        migrations.RunSQL(
            in_short_waits(str(GUARD.install_sql)),
            # The version before has none of the moves that it permits.
            migrations.RunSQL.noop,
            state_operations=[
                pgtrigger.migrations.RemoveTrigger(model_name="order", name="order_status_guard"),
                pgtrigger.migrations.AddTrigger(model_name="order", trigger=GUARD),
            ],
        ),
        *(
            operation
            for name, fields, condition in INDEXES
            for operation in (
                migrations.RunSQL(f"DROP INDEX CONCURRENTLY IF EXISTS {name}", migrations.RunSQL.noop),
                AddIndexConcurrently("order", models.Index(fields=fields, condition=condition, name=name)),
            )
        ),
        # The claim of the version before finds its rows by the old one until the new one is there under another name.
        migrations.RunSQL("DROP INDEX CONCURRENTLY IF EXISTS order_due_to_route", migrations.RunSQL.noop),
        AddIndexConcurrently(
            "order",
            models.Index(
                fields=("chain_id", "due_at"),
                condition=Q(status__in=("PENDING", "ROUTING"), is_parent=False),
                name="order_due_to_route",
            ),
        ),
        RemoveIndexConcurrently("order", "order_due_route"),
        migrations.RunSQL(
            "ALTER TABLE orders_order DROP CONSTRAINT IF EXISTS order_confirmed_has_amounts",
            migrations.RunSQL.noop,
            state_operations=[migrations.RemoveConstraint("order", "order_confirmed_has_amounts")],
        ),
        *(
            operation
            for name, condition in CONSTRAINTS.items()
            for operation in (
                migrations.RunSQL(f"ALTER TABLE orders_order DROP CONSTRAINT IF EXISTS {name}", migrations.RunSQL.noop),
                AddConstraintNotValid("order", models.CheckConstraint(condition=condition, name=name)),
                ValidateConstraint("order", name),
            )
        ),
        migrations.RunPython(restore_limits, migrations.RunPython.noop),
    ]
