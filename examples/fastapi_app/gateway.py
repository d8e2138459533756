"""The payment provider, as far as an example needs one. It charges once per idempotency key, as real ones do."""

from __future__ import annotations

from examples.fastapi_app.catalogue import CARD_LIMIT


class Declined(Exception):
    """The provider said no, and will say no again."""


class Unavailable(Exception):
    """The provider did not answer and charged nothing; asking again may help."""


class Gateway:
    """Charges cards."""

    def __init__(self) -> None:
        self.charges: dict[str, str] = {}
        """References by idempotency key."""
        self.outage = 0
        """How many of the next calls find nobody; for tests."""

    @property
    def is_up(self) -> bool:
        """Whether the provider would answer now."""
        return self.outage == 0

    async def charge(self, card: str, cents: int, *, idempotency_key: str) -> str:
        """Charge a card and return the provider's reference: the same one for the same key.

        Raises:
            Declined: the card is not good for it.
            Unavailable: nobody answered.
        """
        if self.outage:
            self.outage -= 1
            raise Unavailable("the payment provider does not answer")
        if idempotency_key in self.charges:
            return self.charges[idempotency_key]
        if card == "tok_declined":
            raise Declined("the card was declined")
        if cents > CARD_LIMIT:
            raise Declined(f"the card is not good for more than {CARD_LIMIT // 100} euros")
        reference = f"ch_{len(self.charges) + 1:05d}"
        self.charges[idempotency_key] = reference
        return reference


gateway = Gateway()
