"""Roles of people, and tickets that a session asked for. A new table, and a column with a default that the server knows."""

import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("orders", "0036_webhooks"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="wsticket",
            name="session_key",
            field=models.CharField(
                db_default="", default="", help_text="Session of the person who asked; empty without.", max_length=40
            ),
        ),
        migrations.CreateModel(
            name="Membership",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "role",
                    models.CharField(
                        choices=[("read_only", "read-only"), ("trading", "trading"), ("operator", "operator")],
                        max_length=16,
                    ),
                ),
                (
                    "created_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False),
                ),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="memberships", to="orders.account"
                    ),
                ),
                (
                    "user",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="membership",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "role",
                "ordering": ("account__name", "user__username"),
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("role__in", ["read_only", "trading", "operator"])),
                        name="membership_role_known",
                    )
                ],
            },
        ),
    ]
