"""Billing: what customers pay."""
