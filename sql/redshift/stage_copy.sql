-- Loads the files of a manifest into the staging table: columns map by position.
-- Engine:  Redshift.
-- Params:  {{stage}}, {{columns}} names, {{manifest}} URL and {{role}} ARN as literals
-- Tests:   jobs/connect/tests/conformance
COPY {{stage}} ({{columns|{0}|, }})
FROM {{manifest}}
IAM_ROLE {{role}}
FORMAT AS PARQUET
MANIFEST
STATUPDATE OFF
