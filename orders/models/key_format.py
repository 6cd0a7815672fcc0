"""How API keys look: `oe_<kind>_<prefix>_<secret>`. Only a digest is stored; the prefix finds it."""

from typing import Any

from rest_framework_api_key.crypto import KeyGenerator, concatenate
from rest_framework_api_key.models import BaseAPIKeyManager

from dex.chains import chain_kind

# What scanners for leaked secrets look for. Keys made before this form (`prefix.secret`) stay valid.
TEST, LIVE = "oe_test", "oe_live"


def kind_of(chain_id: str) -> str:
    """The first part of keys made for an engine on this chain: of a test only where no setting makes it real money."""
    return TEST if chain_kind(chain_id).is_play_money(chain_id, True) else LIVE


def prefix_of(key: str) -> str:
    """The part of a key that is no secret, empty for what is no key."""
    if key.startswith((f"{TEST}_", f"{LIVE}_")):
        parts = key.split("_")
        return parts[2] if len(parts) == 4 else ""
    return key.partition(".")[0]


class _Generator(KeyGenerator):
    def generate(self, kind: str = TEST) -> tuple[str, str, str]:
        """The key to show once, its prefix, and the digest to keep."""
        prefix = self.get_prefix()
        key = f"{kind}_{prefix}_{self.get_secret_key()}"
        return key, prefix, self.hash(key)


class KeyManager(BaseAPIKeyManager):
    """Makes keys and finds them by what a caller sent."""

    key_generator = _Generator()

    def assign_key(self, obj: Any, kind: str = TEST) -> str:
        """Give a new row its secret and return the key, which cannot be read again."""
        key, obj.prefix, obj.hashed_key = self.key_generator.generate(kind)
        obj.id = concatenate(obj.prefix, obj.hashed_key)
        return str(key)

    def create_key(self, *, kind: str = TEST, **fields: Any) -> tuple[Any, str]:
        """A stored key and its text, which cannot be read again."""
        row = self.model(**fields)
        key = self.assign_key(row, kind)
        row.save(force_insert=True)
        return row, key

    def get_from_key(self, key: str) -> Any:
        """The unrevoked row of this key. Raises: DoesNotExist."""
        row = self.get_usable_keys().select_related("account").get(prefix=prefix_of(key))
        if not row.is_valid(key):
            raise self.model.DoesNotExist("the key is not valid")
        return row
