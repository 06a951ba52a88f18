"""Thin programs. What is decided stands in `tobari.rules`; here it meets the store. They are independent of each other."""
