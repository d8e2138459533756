"""What every framework's adapter shares: from an ``ApiRequest`` to an answer."""
