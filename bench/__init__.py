"""Measurements that anyone can repeat: ``make bench`` prints the table and writes docs/bench.md."""
