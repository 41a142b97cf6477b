INSERT INTO grouped BY NAME
SELECT {columns} FROM rolled AS event
