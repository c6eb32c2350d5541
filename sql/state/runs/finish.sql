-- Records how a run ended.
-- Engine:  Postgres, SQLite.
-- Params:  $1 run id, $2 end, $3 status, $4 summary as JSON
UPDATE runs SET ended_at = $2, status = $3, summary = $4 WHERE run_id = $1
