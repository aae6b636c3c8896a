//! What every benchmark here needs: reproducible scenes and a printed table.
#![allow(dead_code, reason = "each benchmark uses a part")]

pub mod report;
pub mod scene;
