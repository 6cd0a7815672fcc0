"""What people who sign in may do. Users, their sessions and the devices that make their codes are Django's own rows."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from orders.models.accounts import Account
from orders.scopes import ROLES


class Membership(models.Model):
    """A user's role for one account. A user has one at most; an account has any number."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="membership")
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="memberships")
    role = models.CharField(max_length=16, choices=[(role, role.replace("_", "-")) for role in ROLES])
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        ordering = ("account__name", "user__username")
        verbose_name = "role"
        constraints = (models.CheckConstraint(condition=Q(role__in=list(ROLES)), name="membership_role_known"),)

    def __str__(self) -> str:
        return f"{self.user.get_username()}: {self.get_role_display()} of {self.account}"
