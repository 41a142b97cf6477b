SELECT {keys}, {step} AS step, ms, event_id FROM level_{step}
