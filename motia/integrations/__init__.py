"""Adapters: each translates the requests and answers of one framework. They never import each other."""
