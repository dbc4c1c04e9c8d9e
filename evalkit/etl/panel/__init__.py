"""Firm records and firm-years placed on one row per firm."""
