"""The flush protocol under faults: nothing lost, nothing twice, every object whole at every moment."""

from hypothesis import settings

from support.flush_machine import FlushMachine

TestFlushMachine = FlushMachine.TestCase
TestFlushMachine.settings = settings(max_examples=60, stateful_step_count=12, deadline=None, derandomize=True)
