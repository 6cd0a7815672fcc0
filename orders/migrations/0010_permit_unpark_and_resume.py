"""Permissions of their own for two acts by hand; nothing in the tables changes."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("orders", "0009_remember_reported_reorgs"),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="order",
            options={"ordering": ("-id",), "permissions": (("unpark_order", "Can unpark an order"),)},
        ),
        migrations.AlterModelOptions(
            name="wallet",
            options={
                "ordering": ("id",),
                "permissions": (("resume_wallet", "Can let a paused wallet sign again"),),
            },
        ),
    ]
