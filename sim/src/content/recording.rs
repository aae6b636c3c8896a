//! Recorded trajectories of people: text as tracking programs write it, a row `id frame x y z` per
//! person and frame, in metres, with `# framerate: 25 fps` in its head. Scripted avatars walk after it.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::Scenario;

/// Why a recording cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RecordingError {
    /// No such file, or none that can be read.
    #[error(
        "cannot read the recorded trajectories {path}: {source}; give the path of a text file with \
         rows of `id frame x y z` in metres and a line `# framerate: 25 fps`"
    )]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A row that says something else.
    #[error("recorded trajectories {path}, line {line}: {problem}")]
    Row {
        /// Which file.
        path: PathBuf,
        /// Which line, from 1.
        line: usize,
        /// What is wrong with it.
        problem: String,
    },
    /// A file that is no recording as a whole.
    #[error("recorded trajectories {path}: {problem}")]
    Whole {
        /// Which.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
}

/// Where people were, frame by frame.
#[derive(Clone, Debug, PartialEq)]
pub struct Recording {
    frames_per_s: f64,
    last_frame: u32,
    people: Vec<Vec<Step>>,
}

/// Somebody at a frame.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Step {
    frame: u32,
    at_m: [f64; 2],
}

impl Recording {
    /// Largest file, bytes: a mistake in a path should not fill memory.
    pub const BYTES_MAX: u64 = 64 << 20;
    /// Furthest from the recording's origin, metres: it is laid flat on the ground around a square.
    pub const EXTENT_M_MAX: f64 = 1_000.0;
    /// Frames per second at most: faster cameras film bullets, not people.
    pub const FRAMES_PER_S_MAX: f64 = 1_000.0;
    /// Between two rounds everybody has so long to walk back to the beginning, seconds.
    const INTERVAL_S: f64 = 8.0;

    /// Reads a file.
    ///
    /// # Errors
    /// See [`RecordingError`]; it says what kind of file is needed, or which line is not like that.
    pub fn load(path: &Path) -> Result<Self, RecordingError> {
        let io = |source| RecordingError::Io {
            path: path.into(),
            source,
        };
        let mut bytes = Vec::new();
        std::fs::File::open(path)
            .and_then(|file| file.take(Self::BYTES_MAX + 1).read_to_end(&mut bytes))
            .map_err(io)?;
        let whole = |problem: &str| RecordingError::Whole {
            path: path.into(),
            problem: problem.into(),
        };
        if bytes.len() as u64 > Self::BYTES_MAX {
            return Err(whole("larger than 64 MiB"));
        }
        let text = std::str::from_utf8(&bytes)
            .map_err(|_| whole("is no text: rows of `id frame x y z` are needed"))?;
        Self::parse(text, path)
    }

    fn parse(text: &str, path: &Path) -> Result<Self, RecordingError> {
        let mut frames_per_s = None;
        let mut people: BTreeMap<u64, Vec<Step>> = BTreeMap::new();
        for (n, line) in text.lines().enumerate() {
            let bad = |problem: String| RecordingError::Row {
                path: path.into(),
                line: n + 1,
                problem,
            };
            let line = line.trim();
            if let Some(remark) = line.strip_prefix('#') {
                if let Some((_, rate)) = remark.split_once("framerate:") {
                    frames_per_s = Some(frame_rate(rate).map_err(bad)?);
                }
            } else if !line.is_empty() {
                let (id, step) = row(line).map_err(bad)?;
                let steps = people.entry(id).or_default();
                if steps.last().is_some_and(|last| last.frame >= step.frame) {
                    return Err(bad(format!(
                        "frame {} of person {id} does not come after the one before it",
                        step.frame
                    )));
                }
                steps.push(step);
            }
        }
        let whole = |problem: String| RecordingError::Whole {
            path: path.into(),
            problem,
        };
        let frames_per_s = frames_per_s.ok_or_else(|| {
            whole("has no line `# framerate: 25 fps` to say how fast it is".into())
        })?;
        if people.is_empty() {
            return Err(whole(
                "has no row `id frame x y z`: nobody walks in it".into(),
            ));
        }
        if people.len() > Scenario::PUPPETS_MAX as usize {
            return Err(whole(format!(
                "{} people; at most {} can be scripted avatars",
                people.len(),
                Scenario::PUPPETS_MAX
            )));
        }
        let people: Vec<Vec<Step>> = people.into_values().collect();
        let last_frame = people
            .iter()
            .filter_map(|steps| Some(steps.last()?.frame))
            .max()
            .unwrap_or_default();
        Ok(Self {
            frames_per_s,
            last_frame,
            people,
        })
    }

    /// How many people walk in it.
    #[must_use]
    pub fn people(&self) -> usize {
        self.people.len()
    }

    /// How long it is, seconds, with the time to walk back to its beginning: then it begins anew.
    #[must_use]
    pub fn round_s(&self) -> f64 {
        f64::from(self.last_frame) / self.frames_per_s + Self::INTERVAL_S
    }

    /// Where the `person`-th was `time_s` after the beginning, metres; before its first frame where it
    /// will appear, after its last where it vanished, and in the interval where it begins anew.
    ///
    /// # Panics
    /// There are not that many [`Recording::people`].
    #[must_use]
    pub fn at_m(&self, person: usize, time_s: f64) -> [f64; 2] {
        let round_s = self.round_s();
        let in_round_s = time_s - (time_s / round_s).floor() * round_s;
        let walking_back = in_round_s > round_s - Self::INTERVAL_S;
        let frame = if walking_back {
            0.0
        } else {
            in_round_s * self.frames_per_s
        };
        let steps = &self.people[person];
        let after = steps.partition_point(|step| f64::from(step.frame) <= frame);
        let (Some(next), Some(last)) = (steps.get(after), steps[..after].last()) else {
            // Nobody is in the list without a step.
            return steps[after.saturating_sub(1)].at_m;
        };
        let share = (frame - f64::from(last.frame)) / f64::from(next.frame - last.frame);
        let between = |axis: usize| last.at_m[axis] + (next.at_m[axis] - last.at_m[axis]) * share;
        [between(0), between(1)]
    }
}

fn frame_rate(text: &str) -> Result<f64, String> {
    let number = text.trim().trim_end_matches("fps").trim();
    let rate: f64 = number
        .parse()
        .map_err(|_| format!("'{number}' is no frame rate, such as `25 fps`"))?;
    if rate > 0.0 && rate <= Recording::FRAMES_PER_S_MAX {
        Ok(rate)
    } else {
        Err(format!(
            "a frame rate of {rate} fps; it must be above 0 and at most {}",
            Recording::FRAMES_PER_S_MAX
        ))
    }
}

/// One row; what follows the fourth number (a height) is not looked at.
fn row(line: &str) -> Result<(u64, Step), String> {
    let mut words = line.split_ascii_whitespace();
    let mut word = |what: &str| {
        words
            .next()
            .ok_or_else(|| format!("no {what}: a row is `id frame x y z`"))
    };
    let whole = |what: &str, text: &str| {
        text.parse::<u32>().map_err(|_| {
            format!("the {what} '{text}' is no whole number: a row is `id frame x y z`")
        })
    };
    let metres = |what: &str, text: &str| match text.parse::<f64>() {
        Ok(value) if value.abs() <= Recording::EXTENT_M_MAX => Ok(value),
        _ => Err(format!(
            "{what} is '{text}'; it must be metres, within {} of the origin",
            Recording::EXTENT_M_MAX
        )),
    };
    let id = whole("id", word("id")?)?;
    let frame = whole("frame", word("frame")?)?;
    let x = metres("x", word("x")?)?;
    let y = metres("y", word("y")?)?;
    Ok((
        u64::from(id),
        Step {
            frame,
            at_m: [x, y],
        },
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Recording, RecordingError> {
        Recording::parse(text, Path::new("walk.txt"))
    }

    const GOOD: &str = "# framerate: 10 fps\n# id frame x/m y/m z/m\n\
                        7\t0\t0.0\t2.0\t1.8\n7\t10\t1.0\t0.0\t1.8\n9\t5\t-1.0\t3.5\n";

    #[test]
    fn people_are_where_they_were_and_between_frames_on_the_line() {
        let recording = parse(GOOD).unwrap();
        assert_eq!(recording.people(), 2);
        assert_eq!(recording.at_m(0, 0.0), [0.0, 2.0]);
        assert_eq!(recording.at_m(0, 0.5), [0.5, 1.0]);
        assert_eq!(recording.at_m(0, 1.0), [1.0, 0.0]);
        assert_eq!(recording.at_m(1, 0.0), [-1.0, 3.5], "waits to appear");
        assert_eq!(recording.at_m(1, 0.9), [-1.0, 3.5], "stays where it left");
        let round_s = recording.round_s();
        assert_eq!(recording.at_m(0, round_s - 1.0), [0.0, 2.0], "goes back");
        assert_eq!(recording.at_m(0, 3.0 * round_s), [0.0, 2.0], "and again");
    }

    #[test]
    fn what_is_no_recording_is_refused_by_line() {
        for (text, says) in [
            ("1 0 0.0 0.0\n", "framerate"),
            ("# framerate: 25 fps\n", "nobody"),
            ("# framerate: many fps\n", "'many'"),
            ("# framerate: 0 fps\n", "above 0"),
            ("# framerate: 25 fps\n1 0 0.0\n", "line 2: no y"),
            ("# framerate: 25 fps\n1 zero 0 0\n", "'zero'"),
            ("# framerate: 25 fps\n1 0 NaN 0\n", "x is 'NaN'"),
            ("# framerate: 25 fps\n1 0 0 1e9\n", "y is '1e9'"),
            ("# framerate: 25 fps\n1 4 0 0\n1 4 0 0\n", "line 3: frame 4"),
        ] {
            let error = parse(text).unwrap_err().to_string();
            assert!(
                error.contains("walk.txt") && error.contains(says),
                "{error}"
            );
        }
    }

    #[test]
    fn an_absent_file_is_answered_with_what_is_needed() {
        let error = Recording::load(Path::new("/nowhere/walk.txt"))
            .unwrap_err()
            .to_string();
        assert!(error.contains("/nowhere/walk.txt") && error.contains("id frame x y z"));
    }
}
