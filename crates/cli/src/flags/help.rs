//! Help texts, made from the tables of flags.

use std::fmt::Write as _;

use super::Flag;

/// Columns before a flag's description wraps.
const WIDTH: usize = 100;

/// Renders titled tables of flags in two aligned columns.
pub(crate) fn flags(tables: &[(&str, &[&[Flag]])]) -> String {
    let name = |flag: &Flag| {
        let short = flag.short.map_or_else(|| "    ".to_owned(), |letter| format!("-{letter}, "));
        let value = if flag.value.is_empty() { String::new() } else { format!(" {}", flag.value) };
        format!("  {short}--{}{value}", flag.long)
    };
    let shown = |tables: &[&[Flag]]| -> Vec<Flag> {
        tables.iter().flat_map(|t| t.iter()).filter(|f| !f.help.is_empty()).copied().collect()
    };
    let left = tables
        .iter()
        .flat_map(|(_, tables)| shown(tables))
        .map(|flag| name(&flag).len())
        .max()
        .unwrap_or(0)
        + 3;
    let mut text = String::new();
    for (title, tables) in tables {
        let _ = writeln!(text, "\n{title}:");
        for flag in shown(tables) {
            let mut line = format!("{:<left$}", name(&flag));
            let mut column = left;
            for word in flag.help.split(' ') {
                if column + word.len() > WIDTH && column > left {
                    let _ = writeln!(text, "{}", line.trim_end());
                    line = " ".repeat(left);
                    column = left;
                }
                let _ = write!(line, "{word} ");
                column += word.chars().count() + 1;
            }
            let _ = writeln!(text, "{}", line.trim_end());
        }
    }
    text
}
