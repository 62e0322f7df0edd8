"""The fault laboratory: the fault matrix against the real daemon, a real Mosquitto and the real city worker.

`python -m tests.faults` (or `make faults`) runs it; docs/faults.md says what each row does and what came out.
"""
