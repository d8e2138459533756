"""Trace stores: what runs left behind, kept in the backend so that every process of an app is seen. See ``base``."""
