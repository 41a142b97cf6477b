-- Every event that is step {step} within the window, and the latest beginning it may have. Events of one moment stand in
-- the order of their steps.
level_{step} AS MATERIALIZED (
    SELECT {event_keys}, event.us{event_order}, before.begun{cents}
    FROM open AS event ASOF JOIN level_{before} AS before
      ON {same_visitor} AND event.us >= before.us
    WHERE event.mask & {bit} > 0 AND event.us - before.begun <= {window_us}{increase}
)
