//! A finished picture becomes a PNG file, whole or not at all.

use std::fs;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

/// Writes 8-bit RGB rows. An existing file is replaced only once the new one is complete.
pub fn write(path: &Path, width: usize, height: usize, rgb: &[u8]) -> anyhow::Result<()> {
    whole_or_not(path, |file| {
        let mut encoder = png::Encoder::new(BufWriter::new(file), width as u32, height as u32);
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_depth(png::BitDepth::Eight);
        encoder.set_source_srgb(png::SrgbRenderingIntent::Perceptual);
        let mut writer = encoder.write_header()?;
        writer.write_image_data(rgb)?;
        writer.finish()?;
        Ok(())
    })
}

/// Writes a text file the same way.
pub fn write_text(path: &Path, text: &str) -> anyhow::Result<()> {
    whole_or_not(path, |file| {
        file.write_all(text.as_bytes())?;
        Ok(())
    })
}

/// Refuses a path that cannot be written before minutes are spent on what is to be written there.
pub fn check(path: &Path, extension: &str) -> anyhow::Result<()> {
    if path.is_dir() {
        bail!(
            "{} is a folder; name a file in it, such as {}",
            path.display(),
            path.join(format!("map.{extension}")).display()
        );
    }
    if path.exists() && !path.is_file() {
        bail!("{} is no file that can be replaced", path.display());
    }
    let folder = folder_of(path);
    if !folder.is_dir() {
        bail!(
            "there is no folder {} to write {} to; make it first",
            folder.display(),
            path.display()
        );
    }
    let part = part_of(path);
    fs::File::create(&part)
        .and_then(|_| fs::remove_file(&part))
        .with_context(|| format!("cannot write to {}", folder.display()))
}

/// What is written until it is whole.
fn part_of(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    folder_of(path).join(format!(".{name}.{}.part", std::process::id()))
}

fn whole_or_not(
    path: &Path,
    fill: impl FnOnce(&mut fs::File) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let part = part_of(path);
    let written = fs::File::create(&part)
        .map_err(anyhow::Error::from)
        .and_then(|mut file| fill(&mut file))
        .and_then(|()| Ok(fs::rename(&part, path)?));
    if written.is_err() {
        // What is half written helps nobody; that it cannot be removed either adds nothing.
        let _ = fs::remove_file(&part);
    }
    written.with_context(|| format!("cannot write {}", path.display()))
}

fn folder_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_path_buf(),
        _ => PathBuf::from("."),
    }
}
