"""The audit log has replaced the table of acts by hand."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("orders", "0007_move_admin_actions")]

    operations = [migrations.DeleteModel(name="AdminAction")]
