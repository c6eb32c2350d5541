-- Makes a table that follows its source. The key is not enforced, but the planner relies on it.
-- Engine:  Redshift.
-- Params:  {{table}}, {{columns}} each of name, type, NOT NULL or nothing; {{key}} a key's columns, or nothing;
--          {{distribution}} DISTSTYLE or DISTKEY; {{sort_key}} its columns, or nothing
-- Order:   columns as the source has them.
-- Tests:   sql/src/migrate
CREATE TABLE {{table}} (
    {{columns|{0} {1}{2}|,
    }}{{key|,
    PRIMARY KEY ({0})|}}
) {{distribution}}{{sort_key| SORTKEY ({0})|}}
