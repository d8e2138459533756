"""What the shop sells, and the rules it sells by."""

from __future__ import annotations

from typing import Literal

Sku = Literal["book", "lamp", "desk"]

PRICES: dict[str, int] = {"book": 1_500, "lamp": 4_900, "desk": 120_000}
"""Prices in cents."""
STOCK: dict[str, int] = {"book": 100, "lamp": 25, "desk": 5}
"""What is in the warehouse on opening day."""
CARD_LIMIT = 500_000
"""Cents above which every card is declined."""
RISKY_ABOVE = 100_000
"""Cents above which a person looks at an order."""
