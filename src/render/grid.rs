//! Tables of text.

use comfy_table::{CellAlignment, ContentArrangement, LineStyle, Table, presets};

/// How a column stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Align {
    Left,
    Right,
}

/// A table with these columns; rows have a cell for each.
pub(super) fn grid(columns: &[(&str, Align)], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    // A line below the header, and nothing else: output is read, cut and grepped.
    table.load_style(presets::NOTHING.header_separator(LineStyle::none().fill('─').junction('─')));
    table.set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(columns.iter().map(|(name, _)| *name));
    for row in rows {
        table.add_row(row);
    }
    for (place, (_, align)) in columns.iter().enumerate() {
        let alignment = match align {
            Align::Left => CellAlignment::Left,
            Align::Right => CellAlignment::Right,
        };
        if let Some(column) = table.column_mut(place) {
            column.set_padding((0, 1)).set_cell_alignment(alignment);
        }
    }
    table.trim_fmt()
}
