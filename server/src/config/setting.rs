//! One value, where it came from, and the complaint when it cannot be.

use std::fmt::Display;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use super::error::{ConfigError, Origin};
use super::line_of;
use super::raw::Field;

/// Longest name of a world or scenario, which names the world unless told otherwise: what the
/// store takes.
const NAME_CHARS_MAX: usize = bluemarble_persistence::limits::WORLD_NAME_BYTES_MAX;

/// Where values are taken from, in rising precedence: default, file, flag.
pub struct Sources<'a> {
    /// The file's path and text, if there is one.
    pub file: Option<(&'a Path, &'a str)>,
}

impl Sources<'_> {
    /// The value in force, or the default.
    pub fn pick<T: Clone>(
        &self,
        raw: &Field<T>,
        flag: Option<T>,
        flag_name: &'static str,
        default: T,
    ) -> Setting<T> {
        self.pick_optional(raw, flag, flag_name).unwrap_or(Setting {
            value: default,
            origin: Origin::Default,
        })
    }

    /// The value in force, if one was given.
    pub fn pick_optional<T: Clone>(
        &self,
        raw: &Field<T>,
        flag: Option<T>,
        flag_name: &'static str,
    ) -> Option<Setting<T>> {
        if let Some(value) = flag {
            return Some(Setting {
                value,
                origin: Origin::Flag(flag_name),
            });
        }
        let spanned = raw.as_ref()?;
        let (path, text) = self.file.unwrap_or((Path::new("config"), ""));
        let line = line_of(text, spanned.span().start);
        let origin = Origin::File {
            path: path.to_owned(),
            line,
        };
        Some(Setting {
            value: spanned.get_ref().clone(),
            origin,
        })
    }
}

/// A value and where it came from.
#[derive(Clone)]
pub struct Setting<T> {
    /// The value.
    pub value: T,
    /// Where it came from.
    pub origin: Origin,
}

impl Setting<PathBuf> {
    /// As text.
    pub fn shown(self) -> Setting<String> {
        Setting {
            value: self.value.display().to_string(),
            origin: self.origin,
        }
    }
}

impl<T: Display> Setting<T> {
    /// The complaint.
    pub fn refuse(&self, key: &'static str, rule: impl Into<String>) -> ConfigError {
        ConfigError::Value {
            origin: self.origin.clone(),
            key,
            value: self.value.to_string(),
            rule: rule.into(),
        }
    }
}

impl<T: Display + PartialOrd + Copy> Setting<T> {
    /// The value, if it lies in the range. NaN lies in none, so it is refused too.
    ///
    /// # Errors
    /// [`ConfigError::Value`] with the range.
    pub fn within(
        self,
        key: &'static str,
        range: RangeInclusive<T>,
        unit: &str,
    ) -> Result<T, ConfigError> {
        if range.contains(&self.value) {
            return Ok(self.value);
        }
        Err(self.refuse(
            key,
            format!("must be {} to {} {unit}", range.start(), range.end()),
        ))
    }
}

impl Setting<String> {
    /// As a socket address.
    ///
    /// # Errors
    /// [`ConfigError::Value`].
    pub fn address(self, key: &'static str) -> Result<SocketAddr, ConfigError> {
        self.value.parse().map_err(|_| {
            self.refuse(
                key,
                "must be an address and port, for example 127.0.0.1:4433 or [::1]:0",
            )
        })
    }

    /// A name that is safe as a file name and in a URL.
    ///
    /// # Errors
    /// [`ConfigError::Value`].
    pub fn named(self, key: &'static str) -> Result<String, ConfigError> {
        let fits = !self.value.is_empty() && self.value.len() <= NAME_CHARS_MAX;
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if fits && self.value.chars().all(plain) {
            return Ok(self.value);
        }
        Err(self.refuse(
            key,
            format!("must be 1 to {NAME_CHARS_MAX} letters, digits, '-' or '_'"),
        ))
    }
}
