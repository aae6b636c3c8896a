//! The report as a page: one file with its style in it and no script, which needs no network, can be read
//! light and dark, and printed. The verdict first, then what ran, then what came of it.

pub(crate) mod charts;
mod facts;
pub(crate) mod plot;
mod scale;

use std::fmt::Write as _;

use super::{Report, Verdict};

const STYLE: &str = include_str!("html/style.css");

impl Report {
    /// As a page.
    #[must_use]
    pub fn html(&self) -> String {
        let title = format!("{}: {} clients", self.scene, self.clients);
        let body = [
            format!(
                "<h1>{}</h1><p class=\"under\">bluemarble-bench load, {}</p>\n",
                escaped(&title),
                facts::utc(self.began_unix_s)
            ),
            self.banner(),
            facts::tiles(self),
            section("What ran", &facts::what_ran(self)),
            section("Over time", &charts::over_time(self)),
            section("Distributions", &charts::distributions(self)),
            section("By distance", &facts::bands(self)),
            section("Checked", &facts::checked(self)),
            section("Hostile bots", &facts::hostile(self)),
            section("All figures", &facts::figures(self)),
            section("How to read this", facts::HOW),
        ];
        page(&title, &body.concat())
    }

    fn banner(&self) -> String {
        let class = match self.verdict {
            Verdict::Passed => "passed",
            Verdict::Failed => "failed",
            Verdict::Void => "void",
        };
        let (line, reasons) = self.verdict_told();
        let items: String = reasons
            .iter()
            .map(|reason| format!("<li>{}</li>", escaped(reason)))
            .collect();
        let list = if items.is_empty() {
            String::new()
        } else {
            format!("<ul>{items}</ul>")
        };
        format!(
            "<div class=\"verdict {class}\"><strong>{}</strong>{list}</div>\n",
            escaped(&line)
        )
    }
}

/// A whole page.
pub(crate) fn page(title: &str, body: &str) -> String {
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <meta name=\"color-scheme\" content=\"light dark\">\
         <title>{}</title>\n<style>\n{STYLE}</style></head>\n<body>\n{body}</body></html>\n",
        escaped(title)
    )
}

/// With a heading; nothing if there is nothing in it.
pub(crate) fn section(heading: &str, inside: &str) -> String {
    if inside.is_empty() {
        return String::new();
    }
    format!(
        "<section><h2>{}</h2>\n{inside}</section>\n",
        escaped(heading)
    )
}

/// A table; the columns from `numbers_from` on are numbers.
pub(crate) fn table(names: &[&str], numbers_from: usize, rows: &[Vec<String>]) -> String {
    let class = |n: usize| {
        if n >= numbers_from {
            " class=\"n\""
        } else {
            ""
        }
    };
    let mut text = String::from("<div class=\"wide\"><table><tr>");
    for (n, name) in names.iter().enumerate() {
        // Writing to a string cannot fail.
        let _ = write!(text, "<th{}>{}</th>", class(n), escaped(name));
    }
    text += "</tr>\n";
    for row in rows {
        text += "<tr>";
        for (n, cell) in row.iter().enumerate() {
            let _ = write!(text, "<td{}>{}</td>", class(n), escaped(cell));
        }
        text += "</tr>\n";
    }
    text + "</table></div>\n"
}

/// Two columns: what, and what it is.
pub(crate) fn facts_table<N: AsRef<str>>(rows: &[(N, String)]) -> String {
    let rows = rows.iter().map(|(name, value)| {
        let (name, value) = (escaped(name.as_ref().trim()), escaped(value));
        format!("<tr><th>{name}</th><td>{value}</td></tr>\n")
    });
    format!(
        "<table class=\"facts\">{}</table>\n",
        rows.collect::<String>()
    )
}

/// Text that is no markup.
pub(crate) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::super::example;
    use super::*;

    /// What the page consists of, in order: the golden structure, not its pixels.
    fn headings(page: &str) -> Vec<String> {
        let parts = page.split("<h2>").skip(1);
        let heading = |part: &str| part.split("</h2>").next().map(str::to_owned);
        parts.filter_map(heading).collect()
    }

    fn figures(page: &str) -> Vec<String> {
        let parts = page.split("<figcaption>").skip(1);
        let title = |part: &str| part.split(" <small>").next().map(str::to_owned);
        parts.filter_map(title).collect()
    }

    #[test]
    fn a_page_holds_the_verdict_first_and_then_everything_there_is() {
        let page = example::report().html();
        assert_eq!(
            headings(&page),
            [
                "What ran",
                "Over time",
                "Distributions",
                "By distance",
                "Checked",
                "All figures",
                "How to read this"
            ]
        );
        assert_eq!(
            figures(&page),
            [
                "Tick time",
                "CPU of the server by phase",
                "Latency",
                "Staleness of what is seen",
                "Bytes down per client",
                "Memory of the server",
                "Clients",
                "Datagrams",
                "The bots themselves",
                "Tick time",
                "Latency",
                "Staleness",
                "Position error"
            ]
        );
        let verdict = page.find("class=\"verdict passed\"").unwrap();
        assert!(verdict < page.find("<h2>").unwrap());
    }

    #[test]
    fn a_page_asks_nobody_for_anything_and_its_tags_are_balanced() {
        let page = example::report().html();
        for outside in [
            "http:", "https:", "src=", "href=", "@import", "url(", "<script",
        ] {
            assert!(!page.contains(outside), "{outside}");
        }
        for tag in [
            "section", "table", "tr", "figure", "svg", "div", "ul", "title", "rect",
        ] {
            let open = page.matches(&format!("<{tag}>")).count()
                + page.matches(&format!("<{tag} ")).count();
            let closed = page.matches(&format!("</{tag}>")).count();
            assert_eq!(open, closed, "{tag}");
        }
        assert!(
            !page.contains("NaN") && !page.contains("inf"),
            "a number is none"
        );
    }

    #[test]
    fn failed_and_void_runs_say_so_and_why_and_what_is_told_is_no_markup() {
        let mut report = example::report();
        report.verdict = Verdict::Failed;
        report.problems = vec!["<script>alert(1)</script> was broken".into()];
        let page = report.html();
        assert!(page.contains("class=\"verdict failed\"") && page.contains("FAILED"));
        assert!(page.contains("&lt;script&gt;") && !page.contains("<script"));
        report.verdict = Verdict::Void;
        report.void = Some("the machine is too busy".into());
        let page = report.html();
        assert!(page.contains("class=\"verdict void\"") && page.contains("VOID"));
        assert!(page.contains("the machine is too busy"));
    }

    #[test]
    fn a_run_of_which_little_is_known_makes_a_page_all_the_same() {
        let page = Report::default().html();
        assert!(page.contains("class=\"verdict failed\""));
        assert!(!page.contains("NaN"));
    }
}
