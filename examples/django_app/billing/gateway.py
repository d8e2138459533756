"""A payment provider that behaves like one: slow, sometimes away, and idempotent by key."""


class Declined(Exception):
    """The card was refused."""


class Away(Exception):
    """The provider did not answer."""


_asked: set[str] = set()


def charge(card: str, amount: object, key: str) -> str:
    """Take an amount off a card; the same key twice charges once."""
    if card == "tok_declined":
        raise Declined("insufficient funds")
    if card == "tok_flaky" and key not in _asked:
        _asked.add(key)
        raise Away("timeout after 3 s")
    return f"ch_{key[:8]}"
