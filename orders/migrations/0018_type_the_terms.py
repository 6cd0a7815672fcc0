"""Terms become a typed value in Python. The column stays as it is: nothing is rewritten, and rows of before are read."""

from django.db import migrations

import orders.fields


class Migration(migrations.Migration):
    dependencies = [("orders", "0017_stop_signing_after_a_cancel")]

    operations = [
        migrations.AlterField(
            model_name="order",
            name="terms",
            field=orders.fields.TermsField(help_text="Guards, venues, time in force, tags and scenario as accepted."),
        ),
    ]
