-- A value in a sentence: its beginning, on one line.
CREATE MACRO shown(value) AS '''' || regexp_replace(left(value, 60), '[\x00-\x1f\x7f]', ' ', 'g') || '''';
