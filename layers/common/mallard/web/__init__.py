"""What every answer over HTTP keeps to, whoever gave it: headers, ids, bodies, sentences."""
