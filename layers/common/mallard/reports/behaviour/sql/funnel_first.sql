-- The first moment at which step {step} follows the steps before it, were there no window.
first_{step} AS MATERIALIZED (
    SELECT {keys}, min(met.us) AS us, any_value(before.begun) AS begun
    FROM met JOIN first_{before} AS before USING ({keys})
    WHERE met.mask & {bit} > 0 AND met.us >= before.us
    GROUP BY {keys}
)
