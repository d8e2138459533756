"""Orders: what customers want, and what is in stock."""
