"""The table's protocol under faults, for some seconds: nothing lost, nothing twice, no number wrong."""

from hypothesis import settings

from support.flush_machine import FlushMachine

TestFlushMachine = FlushMachine.TestCase
TestFlushMachine.settings = settings(max_examples=30, stateful_step_count=12, deadline=None, derandomize=True)
