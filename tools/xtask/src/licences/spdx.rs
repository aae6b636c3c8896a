//! Is an SPDX licence expression satisfied by the licences we accept?
//!
//! The grammar is the one of the SPDX specification 2.3, annex D: `AND` binds tighter than `OR`,
//! `WITH` names an exception to the licence before it, parentheses group. Old crates write `/`
//! for `OR`. A licence with an exception counts as allowed if the licence alone is: exceptions only
//! give further permissions.

use std::fmt;

/// Why an expression could not be read.
#[derive(Debug, PartialEq, Eq)]
pub struct Malformed(&'static str);

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// Whether licences for which `allowed` holds satisfy the expression.
///
/// # Errors
/// If the expression is empty or not well formed.
pub fn satisfied(expression: &str, allowed: &dyn Fn(&str) -> bool) -> Result<bool, Malformed> {
    let spaced = expression
        .replace('/', " OR ")
        .replace('(', " ( ")
        .replace(')', " ) ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut reader = Reader {
        words: &words,
        allowed,
    };
    let result = reader.any_of()?;
    if reader.words.is_empty() {
        Ok(result)
    } else {
        Err(Malformed("words after its end"))
    }
}

struct Reader<'a> {
    words: &'a [&'a str],
    allowed: &'a dyn Fn(&str) -> bool,
}

impl Reader<'_> {
    fn any_of(&mut self) -> Result<bool, Malformed> {
        let mut result = self.all_of()?;
        while self.take("OR") {
            result |= self.all_of()?;
        }
        Ok(result)
    }

    fn all_of(&mut self) -> Result<bool, Malformed> {
        let mut result = self.one()?;
        while self.take("AND") {
            result &= self.one()?;
        }
        Ok(result)
    }

    fn one(&mut self) -> Result<bool, Malformed> {
        if self.take("(") {
            let result = self.any_of()?;
            return if self.take(")") {
                Ok(result)
            } else {
                Err(Malformed("a ) is missing"))
            };
        }
        let result = (self.allowed)(self.identifier()?);
        if self.take("WITH") {
            self.identifier()?;
        }
        Ok(result)
    }

    fn identifier(&mut self) -> Result<&str, Malformed> {
        match self.words.split_first() {
            Some((word, rest)) if !["OR", "AND", "WITH", "(", ")"].contains(word) => {
                self.words = rest;
                Ok(word)
            }
            _ => Err(Malformed("a licence is missing")),
        }
    }

    fn take(&mut self, word: &str) -> bool {
        match self.words.split_first() {
            Some((first, rest)) if *first == word => {
                self.words = rest;
                true
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_mit_and_isc(expression: &str) -> Result<bool, Malformed> {
        satisfied(expression, &|id| id == "MIT" || id == "ISC")
    }

    #[test]
    fn or_needs_one_and_needs_all() {
        for (expression, expected) in [
            ("MIT", true),
            ("GPL-3.0", false),
            ("GPL-3.0 OR MIT", true),
            ("GPL-3.0/MIT", true),
            ("MIT AND ISC", true),
            ("MIT AND GPL-3.0", false),
            ("Apache-2.0 WITH LLVM-exception OR MIT", true),
            ("Apache-2.0 WITH LLVM-exception", false),
            ("(GPL-3.0 OR MIT) AND ISC", true),
            ("GPL-3.0 OR MIT AND ISC", true),
            ("(GPL-3.0 OR MIT) AND BSD-3-Clause", false),
        ] {
            assert_eq!(with_mit_and_isc(expression), Ok(expected), "{expression}");
        }
    }

    #[test]
    fn a_malformed_expression_is_an_error_and_never_a_pass() {
        for expression in [
            "", "OR MIT", "MIT OR", "(MIT", "MIT)", "MIT ISC", "MIT WITH",
        ] {
            assert!(with_mit_and_isc(expression).is_err(), "{expression}");
        }
    }
}
