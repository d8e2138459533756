"""SQL databases: a connection, its transactions, and how to learn of other people's commits."""
