(SELECT * FROM {rows} ANTI JOIN kept ON {value} IS NOT DISTINCT FROM kept.value)
