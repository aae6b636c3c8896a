//! Reading Rust sources line by line, well enough for rules that look for names.

/// The lines above the tests at the foot of a file.
pub fn before_tests(text: &str) -> impl Iterator<Item = &str> {
    let mut lines = text.lines().peekable();
    std::iter::from_fn(move || {
        let line = lines.next()?;
        let opens = |next: &&str| next.contains("mod ") && next.ends_with('{');
        let tests = line == "#[cfg(test)]" && lines.peek().is_some_and(opens);
        (!tests).then_some(line)
    })
}

/// Whether code on this line, not a comment or a text, says the name as the beginning of a word.
pub fn calls(line: &str, name: &str) -> bool {
    let code = line.split("//").next().unwrap_or_default();
    code.match_indices(name).any(|(at, _)| {
        !code[..at]
            .chars()
            .next_back()
            .is_some_and(|c| c.is_alphanumeric() || "_\"".contains(c))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_inline_module_of_tests_ends_the_code() {
        let text =
            "mod disk;\n#[cfg(test)]\nmod crash_tests;\nfn f() {}\n#[cfg(test)]\nmod tests {\n}\n";
        let lines: Vec<&str> = before_tests(text).collect();
        assert_eq!(
            lines,
            ["mod disk;", "#[cfg(test)]", "mod crash_tests;", "fn f() {}"]
        );
    }
}
