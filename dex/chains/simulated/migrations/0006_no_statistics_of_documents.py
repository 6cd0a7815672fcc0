"""PostgreSQL keeps no statistics of a transaction's route and bytes: no plan asks for them, and to sort them is dear."""

from django.db import migrations


class Migration(migrations.Migration):
    """Reversible: the next ANALYZE makes them again."""

    dependencies = [("simulated", "0005_date_pools")]
    operations = [
        migrations.RunSQL(
            f"ALTER TABLE simulated_chaintransaction ALTER COLUMN {column} SET STATISTICS 0",
            f"ALTER TABLE simulated_chaintransaction ALTER COLUMN {column} SET STATISTICS -1",
        )
        for column in ("raw", "route")
    ]
