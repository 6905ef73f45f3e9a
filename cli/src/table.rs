//! Text in aligned columns.

/// Lines of cells, each column as wide as its widest cell and two spaces between columns; the columns named in
/// `right` are aligned to the right. Nothing stands behind the last cell of a line.
pub fn aligned<const N: usize>(lines: &[[String; N]], right: &[usize]) -> String {
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; N] = std::array::from_fn(width);
    let mut out = String::new();
    for line in lines {
        let start = out.len();
        for (column, cell) in line.iter().enumerate() {
            let blank = " ".repeat(widths[column] - cell.chars().count());
            let (before, behind) = if right.contains(&column) { (blank.as_str(), "") } else { ("", blank.as_str()) };
            out.extend([before, cell, behind, "  "]);
        }
        out.truncate(start + out[start..].trim_end().len());
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::aligned;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let lines = [["NAME", "KEYS", "STATE"], ["a", "12345", ""], ["\u{e9}t\u{e9}-1", "7", "down: no route"]];
        let text = aligned(&lines.map(|line| line.map(str::to_owned)), &[1]);
        assert_eq!(text, "NAME    KEYS  STATE\na      12345\n\u{e9}t\u{e9}-1      7  down: no route\n");
        assert_eq!(aligned::<2>(&[], &[]), "");
    }
}
