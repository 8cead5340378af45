"""Fetch them ahead of time, for CI or a machine that will be offline."""

from host_tests.tables.oracles import fetch

print(fetch.folder())
