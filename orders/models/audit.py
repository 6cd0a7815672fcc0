"""The audit log: who changed what by hand or by key. Append-only, and each row holds the hash of the one before.

The trigger chains every row, of every writer; `orders/audit/record.py` writes, `orders/audit/chain.py` proves.
"""

import pgtrigger
from django.db import models
from django.db.models import Q

from orders.database.locks import AUDIT

SIGNATURE = "transaction.sign"
# In the very form that PostgreSQL matches with the indexes.
ACTS_SQL = f"action <> '{SIGNATURE}'"

# Same order as `audit_chain.canonical`. Only text, so that both sides write the same JSON.
_CONTENT = """jsonb_build_array(NEW.id::text, to_char(NEW.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
        NEW.actor, NEW.address, NEW.action, NEW.subject, coalesce(NEW.account_id::text, ''), NEW.reason,
        coalesce(NEW.before::text, ''), coalesce(NEW.after::text, ''))"""
_CHAIN = f"""
    PERFORM pg_advisory_xact_lock({AUDIT});
    SELECT id, hash INTO last_id, last_hash FROM orders_auditentry ORDER BY id DESC LIMIT 1;
    NEW.id := coalesce(last_id, 0) + 1;
    NEW.at := coalesce(NEW.at, clock_timestamp());
    NEW.previous_hash := coalesce(last_hash, ''::bytea);
    NEW.hash := sha256(NEW.previous_hash || convert_to({_CONTENT}::text, 'UTF8'));
    RETURN NEW;
"""


class AuditEntry(models.Model):
    """One change: who, from where, what, to which thing, why, before and after."""

    id = models.BigAutoField(primary_key=True)
    at = models.DateTimeField(null=True, editable=False)
    actor = models.CharField(max_length=150)
    address = models.CharField(max_length=64, default="")
    action = models.CharField(max_length=32)
    subject = models.CharField(max_length=160)
    account = models.ForeignKey("orders.Account", on_delete=models.PROTECT, related_name="+", null=True, db_index=False)
    reason = models.TextField(default="")
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)
    previous_hash = models.BinaryField(max_length=32, null=True)
    hash = models.BinaryField(max_length=32, null=True)

    class Meta:
        ordering = ("-id",)
        verbose_name_plural = "audit entries"
        # Signatures are one entry for each batch, and are never looked for by these: all other entries are few.
        indexes = tuple(
            models.Index(fields=(name, "id"), condition=~Q(action=SIGNATURE), name=f"audit_acts_by_{name}")
            for name in ("subject", "actor", "action")
        )
        triggers = (
            pgtrigger.Trigger(
                name="audit_chained",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert,
                declare=[("last_id", "bigint"), ("last_hash", "bytea")],
                func=_CHAIN,
            ),
            pgtrigger.Protect(name="audit_append_only", operation=pgtrigger.Update | pgtrigger.Delete),
        )

    def __str__(self) -> str:
        return f"{self.action} of {self.subject} by {self.actor}"
