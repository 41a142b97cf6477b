SELECT {keys}, {step} AS step, ms{more} FROM {table}_{step}
