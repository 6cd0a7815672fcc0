"""Orders and submissions remember what the network charged for them, and limits may hold a day's fees.

Columns of large tables have neither a default nor a check: no row is read or rewritten. Each table is changed by one
statement of its own: together they would lock tables in an order that writers lock rows in the other way round, and
hold the first while they wait for the last. What was interrupted, or found a table locked for too long, may be run
again.
"""

from django.db import migrations, models

from orders.database.short_waits import in_short_waits
from orders.fields import AtomsField


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("orders", "0020_name_the_exclusion_key"),
    ]

    operations = [
        migrations.RunSQL(
            in_short_waits(
                """
                ALTER TABLE orders_order
                    ADD COLUMN IF NOT EXISTS counted_fee numeric(78, 0), ADD COLUMN IF NOT EXISTS counted_day date,
                    ADD COLUMN IF NOT EXISTS counted_key varchar(8), ADD COLUMN IF NOT EXISTS native_decimals smallint,
                    ADD COLUMN IF NOT EXISTS native_token varchar(32),
                    ADD COLUMN IF NOT EXISTS network_fee_paid numeric(78, 0)
                """
            ),
            in_short_waits(
                """
                ALTER TABLE orders_order DROP COLUMN counted_fee, DROP COLUMN counted_day, DROP COLUMN counted_key,
                    DROP COLUMN native_decimals, DROP COLUMN native_token, DROP COLUMN network_fee_paid
                """
            ),
            state_operations=[
                migrations.AddField(
                    model_name="order",
                    name="counted_fee",
                    field=AtomsField(
                        help_text="What its fees count, in micro-units, against the limits of its day; null: not counted.",
                        null=True,
                    ),
                ),
                migrations.AddField(
                    model_name="order",
                    name="counted_day",
                    field=models.DateField(null=True),
                ),
                migrations.AddField(
                    model_name="order",
                    name="counted_key",
                    field=models.CharField(
                        help_text="Prefix of the key against whose limit they count too.", max_length=8, null=True
                    ),
                ),
                migrations.AddField(
                    model_name="order",
                    name="native_decimals",
                    field=models.SmallIntegerField(null=True),
                ),
                migrations.AddField(
                    model_name="order",
                    name="native_token",
                    field=models.CharField(
                        help_text="The chain's own token, which pays its fees.", max_length=32, null=True
                    ),
                ),
                migrations.AddField(
                    model_name="order",
                    name="network_fee_paid",
                    field=AtomsField(
                        help_text="Native atoms that its final transactions have cost; null: none is final.", null=True
                    ),
                ),
            ],
        ),
        migrations.RunSQL(
            in_short_waits(
                """
                ALTER TABLE orders_submission ADD COLUMN IF NOT EXISTS fee_paid numeric(78, 0)
                """
            ),
            in_short_waits(
                """
                ALTER TABLE orders_submission DROP COLUMN fee_paid
                """
            ),
            state_operations=[
                migrations.AddField(
                    model_name="submission",
                    name="fee_paid",
                    field=AtomsField(
                        help_text="Native atoms that its final transaction cost; null: none of ours.", null=True
                    ),
                ),
            ],
        ),
        migrations.RunSQL(
            in_short_waits(
                """
                ALTER TABLE orders_account
                    ADD COLUMN IF NOT EXISTS day_fees numeric(78, 0) DEFAULT 0 NOT NULL,
                    ADD COLUMN IF NOT EXISTS fee_day date, ADD COLUMN IF NOT EXISTS max_day_fees numeric(78, 0),
                    DROP CONSTRAINT IF EXISTS account_limited_is_counted,
                    ADD CONSTRAINT account_limited_is_counted CHECK (is_counted
                        OR (max_day_fees IS NULL AND max_open_orders IS NULL AND max_open_value IS NULL)),
                    DROP CONSTRAINT IF EXISTS account_day_fees_not_negative,
                    ADD CONSTRAINT account_day_fees_not_negative CHECK (day_fees >= 0)
                """
            ),
            in_short_waits(
                """
                ALTER TABLE orders_account DROP CONSTRAINT account_day_fees_not_negative,
                    DROP CONSTRAINT account_limited_is_counted,
                    ADD CONSTRAINT account_limited_is_counted CHECK (is_counted
                        OR (max_open_orders IS NULL AND max_open_value IS NULL)),
                    DROP COLUMN day_fees, DROP COLUMN fee_day, DROP COLUMN max_day_fees
                """
            ),
            state_operations=[
                migrations.AddField(
                    model_name="account",
                    name="day_fees",
                    field=AtomsField(db_default=0, default=0, editable=False),
                ),
                migrations.AddField(
                    model_name="account",
                    name="fee_day",
                    field=models.DateField(editable=False, null=True),
                ),
                migrations.AddField(
                    model_name="account",
                    name="max_day_fees",
                    field=AtomsField(
                        editable=False,
                        help_text="Most value of network fees of a UTC day's orders; null: any.",
                        null=True,
                    ),
                ),
                migrations.RemoveConstraint(
                    model_name="account",
                    name="account_limited_is_counted",
                ),
                migrations.AddConstraint(
                    model_name="account",
                    constraint=models.CheckConstraint(
                        condition=models.Q(
                            ("is_counted", True),
                            models.Q(
                                ("max_day_fees__isnull", True),
                                ("max_open_orders__isnull", True),
                                ("max_open_value__isnull", True),
                            ),
                            _connector="OR",
                        ),
                        name="account_limited_is_counted",
                    ),
                ),
                migrations.AddConstraint(
                    model_name="account",
                    constraint=models.CheckConstraint(
                        condition=models.Q(("day_fees__gte", 0)), name="account_day_fees_not_negative"
                    ),
                ),
            ],
        ),
        migrations.RunSQL(
            in_short_waits(
                """
                ALTER TABLE orders_apikey
                    ADD COLUMN IF NOT EXISTS day_fees numeric(78, 0) DEFAULT 0 NOT NULL,
                    ADD COLUMN IF NOT EXISTS fee_day date, ADD COLUMN IF NOT EXISTS max_day_fees numeric(78, 0),
                    DROP CONSTRAINT IF EXISTS api_key_day_fees_not_negative,
                    ADD CONSTRAINT api_key_day_fees_not_negative CHECK (day_fees >= 0)
                """
            ),
            in_short_waits(
                """
                ALTER TABLE orders_apikey DROP CONSTRAINT api_key_day_fees_not_negative,
                    DROP COLUMN day_fees, DROP COLUMN fee_day, DROP COLUMN max_day_fees
                """
            ),
            state_operations=[
                migrations.AddField(
                    model_name="apikey",
                    name="day_fees",
                    field=AtomsField(
                        db_default=0,
                        default=0,
                        editable=False,
                        help_text="Network fees of the orders placed on `fee_day`.",
                    ),
                ),
                migrations.AddField(
                    model_name="apikey",
                    name="fee_day",
                    field=models.DateField(editable=False, null=True),
                ),
                migrations.AddField(
                    model_name="apikey",
                    name="max_day_fees",
                    field=AtomsField(
                        blank=True, help_text="Most value of network fees of a UTC day's orders; empty: any.", null=True
                    ),
                ),
                migrations.AddConstraint(
                    model_name="apikey",
                    constraint=models.CheckConstraint(
                        condition=models.Q(("day_fees__gte", 0)), name="api_key_day_fees_not_negative"
                    ),
                ),
            ],
        ),
    ]
