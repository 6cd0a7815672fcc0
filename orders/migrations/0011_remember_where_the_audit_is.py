"""Where the audit that goes round all orders has got to. The column is empty: no rewrite."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("orders", "0010_permit_unpark_and_resume"),
    ]

    operations = [
        migrations.AddField(
            model_name="heartbeat",
            name="position",
            field=models.UUIDField(
                help_text="The last order it has seen, for a part that goes round them all.", null=True
            ),
        ),
    ]
