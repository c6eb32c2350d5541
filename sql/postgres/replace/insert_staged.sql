-- Writes the staged rows of a part, whose texts are cast.
-- Engine:  Postgres.
-- Params:  {{table}}, {{stage}}, {{overriding}} a clause for identities or nothing, {{columns}} list of column and staged value
-- Tests:   jobs/connect/tests/conformance
INSERT INTO {{table}} ({{columns|{0}|, }})
{{overriding}}
SELECT {{columns|{1}|, }} FROM {{stage}} AS staged
