-- Makes the demo's table of order lines, whose key has two columns.
-- Engine:  SQLite.
-- Tests:   tests/cli.rs
CREATE TABLE order_lines (
    order_id INTEGER NOT NULL,
    line INTEGER NOT NULL,
    product TEXT,
    quantity INTEGER,
    price TEXT,
    PRIMARY KEY (order_id, line)
)
