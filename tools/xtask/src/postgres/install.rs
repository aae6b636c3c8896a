//! Where Postgres's programs are, and how they come onto a machine that lacks them.
//!
//! Debian keeps them out of PATH, in a directory per version.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use crate::debian;

const DEBIAN_VERSIONS: &str = "/usr/lib/postgresql";

/// Debian's package would also create a database and start a server at boot. While the setting
/// below exists it does not; a machine that wants one can still `pg_createcluster`.
const INSTALL: &str = "\
set -e
export DEBIAN_FRONTEND=noninteractive
setting=/etc/postgresql-common/createcluster.d/bluemarble-install.conf
mkdir -p /etc/postgresql-common/createcluster.d
echo 'create_main_cluster = false' > $setting
trap 'rm -f $setting' EXIT
apt-get update
apt-get install -y --no-install-recommends postgresql";

/// The directory that holds `initdb` and `postgres`.
///
/// # Errors
/// If they are missing and may not be installed, with what to do.
pub fn find_or_install() -> Result<PathBuf> {
    if let Some(bin) = find() {
        return Ok(bin);
    }
    let Some(rights) = debian::rights_to_install() else {
        bail!(
            "the tests need a PostgreSQL server's programs, which were found neither in PATH nor \
             in {DEBIAN_VERSIONS}.\n\
             On Debian or Ubuntu:  sudo apt-get install --no-install-recommends postgresql\n\
             Elsewhere: install PostgreSQL and put `initdb` and `postgres` into PATH, or run a \
             server yourself and name it in {}.",
            super::URL_VARIABLE
        );
    };
    println!("PostgreSQL is missing: installing Debian's package");
    rights.run(INSTALL)?;
    match find() {
        Some(bin) => Ok(bin),
        None => bail!("postgresql was installed, but `initdb` is not in {DEBIAN_VERSIONS}"),
    }
}

fn find() -> Option<PathBuf> {
    newest_version(Path::new(DEBIAN_VERSIONS)).or_else(|| {
        let path = env::var_os("PATH")?;
        env::split_paths(&path).find(|dir| has_programs(dir))
    })
}

/// `<versions>/<highest number>/bin`, if the server's programs are in it.
fn newest_version(versions: &Path) -> Option<PathBuf> {
    fs::read_dir(versions)
        .ok()?
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let version: u32 = entry.file_name().to_str()?.parse().ok()?;
            let bin = entry.path().join("bin");
            has_programs(&bin).then_some((version, bin))
        })
        .max()
        .map(|(_, bin)| bin)
}

fn has_programs(dir: &Path) -> bool {
    ["initdb", "postgres", "pg_ctl"]
        .iter()
        .all(|program| dir.join(program).is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_version_with_all_programs_wins() {
        let root = env::temp_dir().join(format!("bluemarble-versions-{}", std::process::id()));
        for version in ["9", "15", "16", "common"] {
            fs::create_dir_all(root.join(version).join("bin")).expect("a temporary directory");
        }
        for version in ["9", "15"] {
            for program in ["initdb", "postgres", "pg_ctl"] {
                fs::write(root.join(version).join("bin").join(program), "").expect("a file");
            }
        }
        let found = newest_version(&root);
        fs::remove_dir_all(&root).expect("it was just made");
        // 16 lacks the server (clients only), and 9 sorts after 15 only as text.
        assert_eq!(found, Some(root.join("15").join("bin")));
    }

    #[test]
    fn a_missing_directory_means_none() {
        assert_eq!(newest_version(Path::new("/nowhere/postgresql")), None);
    }
}
