//! Tables, at the terminal and in the results file.

use std::{fs, path::Path};

use anyhow::{Context, Result};

/// One comparison.
pub(crate) struct Table {
    /// The heading in the results file; the table under the same heading is replaced.
    pub(crate) title: &'static str,
    /// What was done, and what the columns mean.
    pub(crate) about: String,
    /// The first row names the columns.
    pub(crate) rows: Vec<Vec<String>>,
    /// What the figures say of the target.
    pub(crate) verdict: String,
}

/// Prints a table and puts it into the results file.
pub(crate) fn publish(results: &Path, table: &Table) -> Result<()> {
    let section = section(table);
    println!("{section}");
    let before = fs::read_to_string(results).unwrap_or_else(|_| HEAD.to_owned());
    let after = with_section(&before, table.title, &section);
    fs::write(results, after).with_context(|| format!("can not write `{}`", results.display()))
}

/// The value in the middle.
pub(crate) fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

const HEAD: &str = "# Results\n\nWritten by `cargo xtask bench`; the last run of each comparison. \
    Ratios count, figures do not: they depend on the machine.\n";

fn section(table: &Table) -> String {
    let mut text = format!("## {}\n\n{}\n\n", table.title, table.about);
    for (at, row) in table.rows.iter().enumerate() {
        text.push_str(&format!("| {} |\n", row.join(" | ")));
        if at == 0 {
            text.push_str(&format!("|{}\n", "---|".repeat(row.len())));
        }
    }
    text.push_str(&format!("\n{} Machine: {}.\n", table.verdict, machine()));
    text
}

/// Replaces the section of that title, or adds it at the end.
fn with_section(text: &str, title: &str, section: &str) -> String {
    let heading = format!("## {title}\n");
    let Some(start) = text.find(&heading) else {
        return format!("{}\n{section}", text.trim_end_matches('\n').to_owned() + "\n");
    };
    let rest = &text[start + heading.len()..];
    let end = rest.find("\n## ").map_or(text.len(), |next| start + heading.len() + next + 1);
    let after = &text[end..];
    let gap = if after.is_empty() { "" } else { "\n" };
    format!("{}{section}{gap}{after}", &text[..start])
}

fn machine() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    // Not those that this program is kept to.
    let cores = info.lines().filter(|line| line.starts_with("processor")).count();
    let model = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    format!("{cores} cores, {}", model.map_or("unknown processor", |(_, model)| model))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_takes_the_place_of_the_one_before_it() {
        let first = with_section(HEAD, "A", "## A\n\none\n");
        let both = with_section(&first, "B", "## B\n\nother\n");
        let again = with_section(&both, "A", "## A\n\ntwo\n");
        assert!(again.starts_with(HEAD) && again.ends_with("## A\n\ntwo\n\n## B\n\nother\n"), "{again}");
        assert_eq!(with_section(&again, "B", "## B\n\nother\n"), again);
    }

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median(&mut [3.0, 100.0, 1.0]), 3.0);
    }
}
