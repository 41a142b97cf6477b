-- Each row as a line of JSON, absent values left out.
SELECT '{{' || concat_ws(',', {members}) || '}}' AS line FROM batch
