-- Makes a function that says why a text is no value of a type: NULL when it is one.
-- Engine:  Postgres. The session's own; the assignment reads the text as the type's input does, without cutting it.
-- Params:  {{function}} name, {{type}}
-- Tests:   jobs/connect/tests/conformance
CREATE OR REPLACE FUNCTION pg_temp.{{function}}(value text) RETURNS text LANGUAGE plpgsql AS $quarrel$
DECLARE
    held {{type}};
BEGIN
    held := value;
    RETURN NULL;
EXCEPTION WHEN data_exception OR check_violation OR not_null_violation THEN
    RETURN SQLSTATE;
END
$quarrel$
