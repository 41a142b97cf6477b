SELECT {dimension} AS dimension, {value} AS value{measures}
FROM {rows}{grouped}
