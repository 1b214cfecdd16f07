"""Runs load generators side by side on one machine and says whether Squall keeps its promises of speed and accuracy.

It must not share code with what it measures: it sees generators only through their command lines, their reports, the
kernel's accounts of their processes, and what the servers saw. Start reading at `rounds`, then any module of `cases`.
"""
