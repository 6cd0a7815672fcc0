"""Audit log, pauses, limits of accounts and what API keys may do.

New columns are empty or have constant defaults: no rewrite.
"""

import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.functions.datetime
import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models

import orders.fields
import orders.scopes


class Migration(migrations.Migration):
    dependencies = [
        ("orders", "0005_ws_tickets"),
    ]

    operations = [
        migrations.CreateModel(
            name="AuditEntry",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("at", models.DateTimeField(editable=False, null=True)),
                ("actor", models.CharField(max_length=150)),
                ("address", models.CharField(default="", max_length=64)),
                ("action", models.CharField(max_length=32)),
                ("subject", models.CharField(max_length=160)),
                ("reason", models.TextField(default="")),
                ("before", models.JSONField(null=True)),
                ("after", models.JSONField(null=True)),
                ("previous_hash", models.BinaryField(max_length=32, null=True)),
                ("hash", models.BinaryField(max_length=32, null=True)),
            ],
            options={
                "verbose_name_plural": "audit entries",
                "ordering": ("-id",),
            },
        ),
        migrations.CreateModel(
            name="TradingControl",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("chain_id", models.CharField(blank=True, default="", max_length=64)),
                ("venue", models.CharField(blank=True, default="", max_length=32)),
                (
                    "is_by_owner",
                    models.BooleanField(default=False, help_text="Set by the account itself, which may lift it."),
                ),
                ("actor", models.CharField(max_length=150)),
                ("reason", models.TextField()),
                ("at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
            options={
                "ordering": ("id",),
            },
        ),
        migrations.AddField(
            model_name="account",
            name="is_counted",
            field=models.BooleanField(db_default=False, default=False, editable=False),
        ),
        migrations.AddField(
            model_name="account",
            name="max_open_orders",
            field=models.PositiveIntegerField(editable=False, help_text="Most open orders; null: any.", null=True),
        ),
        migrations.AddField(
            model_name="account",
            name="max_open_value",
            field=orders.fields.AtomsField(
                editable=False, help_text="Most value of open orders; null: any.", null=True
            ),
        ),
        migrations.AddField(
            model_name="account",
            name="open_orders",
            field=models.IntegerField(db_default=0, default=0, editable=False),
        ),
        migrations.AddField(
            model_name="account",
            name="open_value",
            field=orders.fields.AtomsField(db_default=0, default=0, editable=False),
        ),
        migrations.AddField(
            model_name="apikey",
            name="day",
            field=models.DateField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name="apikey",
            name="day_value",
            field=orders.fields.AtomsField(
                db_default=0, default=0, editable=False, help_text="Value of the orders placed on `day`."
            ),
        ),
        migrations.AddField(
            model_name="apikey",
            name="ip_ranges",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.CharField(max_length=64),
                blank=True,
                default=list,
                help_text="Empty: from anywhere.",
                size=None,
            ),
        ),
        migrations.AddField(
            model_name="apikey",
            name="is_dry_run_only",
            field=models.BooleanField(default=False, help_text="May place orders with ?dry_run=true only."),
        ),
        migrations.AddField(
            model_name="apikey",
            name="last_used_at",
            field=models.DateTimeField(editable=False, help_text="To the minute.", null=True),
        ),
        migrations.AddField(
            model_name="apikey",
            name="max_day_value",
            field=orders.fields.AtomsField(
                blank=True, help_text="Most value of a UTC day's orders; empty: any.", null=True
            ),
        ),
        migrations.AddField(
            model_name="apikey",
            name="max_order_value",
            field=orders.fields.AtomsField(blank=True, help_text="Most value of one order; empty: any.", null=True),
        ),
        migrations.AddField(
            model_name="apikey",
            name="rate_per_minute",
            field=models.PositiveIntegerField(blank=True, help_text="Requests; empty: the default.", null=True),
        ),
        migrations.AddField(
            model_name="apikey",
            name="scopes",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.CharField(max_length=16), default=orders.scopes.default_scopes, size=None
            ),
        ),
        migrations.AddField(
            model_name="apikey",
            name="tokens",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.CharField(max_length=32), blank=True, default=list, help_text="Empty: all.", size=None
            ),
        ),
        migrations.AddField(
            model_name="apikey",
            name="venues",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.CharField(max_length=32), blank=True, default=list, help_text="Empty: all.", size=None
            ),
        ),
        migrations.AddField(
            model_name="order",
            name="held_value",
            field=orders.fields.AtomsField(
                help_text="What it counts against its account's limits; null: not counted.", null=True
            ),
        ),
        migrations.AddField(
            model_name="token",
            name="value",
            field=orders.fields.AtomsField(
                blank=True, help_text="Reference value of one token unit in 10^-12, for limits.", null=True
            ),
        ),
        migrations.AddConstraint(
            model_name="account",
            constraint=models.CheckConstraint(
                condition=models.Q(("open_orders__gte", 0), ("open_value__gte", 0)), name="account_open_in_range"
            ),
        ),
        migrations.AddConstraint(
            model_name="account",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("is_counted", True),
                    models.Q(("max_open_orders__isnull", True), ("max_open_value__isnull", True)),
                    _connector="OR",
                ),
                name="account_limited_is_counted",
            ),
        ),
        migrations.AddConstraint(
            model_name="apikey",
            constraint=models.CheckConstraint(
                condition=models.Q(("scopes__contained_by", ["read", "quote", "trade", "cancel", "webhooks", "admin"])),
                name="api_key_scopes_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="apikey",
            constraint=models.CheckConstraint(
                condition=models.Q(("day_value__gte", 0)), name="api_key_day_value_not_negative"
            ),
        ),
        migrations.AddField(
            model_name="auditentry",
            name="account",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="orders.account",
            ),
        ),
        migrations.AddField(
            model_name="tradingcontrol",
            name="account",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="orders.account",
            ),
        ),
        migrations.AddIndex(
            model_name="auditentry",
            index=models.Index(fields=["subject"], name="audit_by_subject"),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="auditentry",
            trigger=pgtrigger.compiler.Trigger(
                name="audit_chained",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    declare="DECLARE last_id bigint; last_hash bytea;",
                    func="\n    PERFORM pg_advisory_xact_lock(4201001);\n    SELECT id, hash INTO last_id, last_hash FROM orders_auditentry ORDER BY id DESC LIMIT 1;\n    NEW.id := coalesce(last_id, 0) + 1;\n    NEW.at := coalesce(NEW.at, clock_timestamp());\n    NEW.previous_hash := coalesce(last_hash, ''::bytea);\n    NEW.hash := sha256(NEW.previous_hash || convert_to(jsonb_build_array(NEW.id::text, to_char(NEW.at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'),\n        NEW.actor, NEW.address, NEW.action, NEW.subject, coalesce(NEW.account_id::text, ''), NEW.reason,\n        coalesce(NEW.before::text, ''), coalesce(NEW.after::text, ''))::text, 'UTF8'));\n    RETURN NEW;\n",
                    hash="569de03ba261e7903cb9cad048d92cd8c21ee6d0",
                    operation="INSERT",
                    pgid="pgtrigger_audit_chained_ecf0c",
                    table="orders_auditentry",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="auditentry",
            trigger=pgtrigger.compiler.Trigger(
                name="audit_append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="149400c64d560fc35e87c08db2d22c4662cceb7a",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_audit_append_only_f90e5",
                    table="orders_auditentry",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddConstraint(
            model_name="tradingcontrol",
            constraint=models.UniqueConstraint(
                fields=("chain_id", "account", "venue", "is_by_owner"), name="control_unique", nulls_distinct=False
            ),
        ),
        migrations.AddConstraint(
            model_name="tradingcontrol",
            constraint=models.CheckConstraint(
                condition=models.Q(("reason", ""), _negated=True), name="control_has_reason"
            ),
        ),
        migrations.AddConstraint(
            model_name="tradingcontrol",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("venue", ""), models.Q(("account__isnull", True), ("chain_id", "")), _connector="OR"
                ),
                name="control_of_venue_is_for_all",
            ),
        ),
    ]
