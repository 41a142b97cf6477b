SELECT {keys}, {step} AS step, us{more} FROM {table}_{step}
