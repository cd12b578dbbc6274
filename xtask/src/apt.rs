//! Debian packages, fetched and unpacked into a folder without being installed. Only programs that
//! every Debian has are used: `apt-get`, `apt-cache`, `dpkg-deb` and `tar`; none of them needs root
//! for this.

use crate::files;
use crate::process::{output, run, step};
use anyhow::{Context, bail};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Makes sure that apt offers the package, in no older version than the one that is asked for.
///
/// # Errors
///
/// This is not a Debian, its package lists are missing or old and only root can fetch them, or they do not
/// have the package in such a version. The error says what to do.
pub fn ensure_offered(package: &str, version_min: Option<&str>) -> anyhow::Result<()> {
    if is_offered(package, version_min)? {
        return Ok(());
    }
    let wanted = version_min.map_or_else(|| package.to_owned(), |version| format!("{package} {version} or later"));
    if !is_root()? {
        bail!(
            "apt does not know the package {wanted}, because its lists are missing or old. \
             Run `sudo apt-get update` and try again"
        );
    }
    update()?;
    if !is_offered(package, version_min)? {
        bail!(
            "apt's sources have no package {wanted}: Debian 12 (bookworm) or later is needed, with \
             its security updates among the sources"
        );
    }
    Ok(())
}

fn is_root() -> anyhow::Result<bool> {
    Ok(output(Command::new("id").arg("-u"))?.trim() == "0")
}

fn update() -> anyhow::Result<()> {
    step("Updating", "apt's package lists, which are missing or old");
    run(Command::new("apt-get").args(["--quiet", "update"]))
}

fn is_offered(package: &str, version_min: Option<&str>) -> anyhow::Result<bool> {
    let policy = apt_cache(&["policy", package])?;
    match (candidate(&policy), version_min) {
        (Some(version), Some(version_min)) => is_at_least(version, version_min),
        (version, _) => Ok(version.is_some()),
    }
}

/// The version that can be had, as `apt-cache policy` prints it.
fn candidate(policy: &str) -> Option<&str> {
    let version = policy.lines().find_map(|line| line.trim().strip_prefix("Candidate: "))?;
    (version != "(none)").then_some(version)
}

/// Compares versions in Debian's way.
fn is_at_least(version: &str, version_min: &str) -> anyhow::Result<bool> {
    let comparison = Command::new("dpkg").args(["--compare-versions", version, "ge", version_min]).status();
    Ok(comparison.context("cannot start `dpkg`")?.success())
}

/// The package that starts with `prefix`, continues with a digit, and on which `package` depends. In
/// this way packages are found that carry a version in their name.
///
/// # Errors
///
/// There is no such package.
pub fn dependency(package: &str, prefix: &str) -> anyhow::Result<String> {
    let listing = apt_cache(&["depends", package])?;
    find_dependency(&listing, prefix)
        .map(str::to_owned)
        .with_context(|| format!("Debian's package {package} depends on no {prefix} package"))
}

/// Looks through the lines of `apt-cache depends`, such as `  Depends: libllvm22`.
fn find_dependency<'a>(listing: &'a str, prefix: &str) -> Option<&'a str> {
    listing.lines().filter_map(|line| line.trim().trim_start_matches('|').strip_prefix("Depends: ")).find(|name| {
        name.strip_prefix(prefix).is_some_and(|version| version.starts_with(|first: char| first.is_ascii_digit()))
    })
}

fn apt_cache(arguments: &[&str]) -> anyhow::Result<String> {
    output(Command::new("apt-cache").args(arguments).env("LC_ALL", "C"))
}

/// What would be added if the packages were installed: those of them, and of what they depend on, that are not
/// installed yet. Packages that are installed in another version are not among them.
///
/// # Errors
///
/// They cannot be installed here.
pub fn missing(packages: &[&str]) -> anyhow::Result<Vec<String>> {
    let plan = output(
        Command::new("apt-get")
            .args(["--quiet", "--simulate", "--no-install-recommends", "install"])
            .args(packages)
            .env("LC_ALL", "C"),
    )?;
    Ok(added(&plan).map(str::to_owned).collect())
}

/// Looks through the lines of `apt-get --simulate install`: `Inst libvulkan1 (1.3 …)` adds a package, and
/// `Inst libgbm1 [22.3] (22.4 …)` would bring one up to date.
fn added(plan: &str) -> impl Iterator<Item = &str> {
    let installations = plan.lines().filter_map(|line| line.strip_prefix("Inst ")?.split_once(' '));
    installations.filter(|(_, version)| version.starts_with('(')).map(|(package, _)| package)
}

/// Downloads packages into a folder. Those that are there already and whole are left alone.
///
/// # Errors
///
/// The folder cannot be made, or the download fails.
pub fn download(packages: &[&str], folder: &Path) -> anyhow::Result<()> {
    files::create_folder(folder)?;
    let download = || {
        run(Command::new("apt-get")
            // Without the option, apt as root warns that its own user cannot write here.
            .args(["--quiet", "--option", "APT::Sandbox::User=root", "download"])
            .args(packages)
            .current_dir(folder)
            .stdout(Stdio::null()))
    };
    if download().is_ok() {
        return Ok(());
    }
    // Old lists name files that the archive has replaced.
    if is_root()? {
        update()?;
    }
    download().context("cannot download Debian's packages: run `sudo apt-get update` and try again")
}

/// Unpacks a downloaded package into a folder: all of it, or, if there are patterns, only
/// what matches one.
///
/// # Errors
///
/// The package was not downloaded, or is damaged, or the disk is full.
pub fn unpack(package: &str, downloads: &Path, patterns: &[&str], into: &Path) -> anyhow::Result<()> {
    let file = downloaded_file(package, downloads)?;
    let mut archive = Command::new("dpkg-deb")
        .arg("--fsys-tarfile")
        .arg(&file)
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot start `dpkg-deb`")?;
    let tar = archive.stdout.take().expect("the standard output is a pipe");
    let unpacked =
        run(Command::new("tar").args(["--extract", "--wildcards", "--directory"]).arg(into).args(patterns).stdin(tar));
    let status = archive.wait().context("cannot wait for `dpkg-deb`")?;
    unpacked.with_context(|| format!("cannot unpack {}", file.display()))?;
    if !status.success() {
        bail!("{} is damaged: delete it and try again", file.display());
    }
    Ok(())
}

/// The file that a package was downloaded to: its name, `_`, its version and architecture.
fn downloaded_file(package: &str, downloads: &Path) -> anyhow::Result<PathBuf> {
    let start = format!("{package}_");
    files::entries(downloads)?
        .into_iter()
        .find(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(&start)))
        .with_context(|| format!("{package} is not in {}", downloads.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_that_is_only_mentioned_has_no_candidate() {
        let mentioned = "rustc-web:\n  Installed: (none)\n  Candidate: (none)\n";
        let offered = "rustc-web:\n  Installed: (none)\n  Candidate: 1.96.0+dfsg1-1\n";

        assert_eq!(candidate(mentioned), None);
        assert_eq!(candidate(""), None);
        assert_eq!(candidate(offered), Some("1.96.0+dfsg1-1"));
    }

    #[test]
    fn a_package_that_would_only_be_brought_up_to_date_is_not_missing() {
        let plan = "The following packages will be upgraded:\n  libgbm1\nInst libgbm1 [22.3] (22.4 Debian:12 [amd64]) []\nInst libvulkan1 (1.3 Debian:12 [amd64])\nConf libvulkan1 (1.3 Debian:12 [amd64])\n";

        assert_eq!(added(plan).collect::<Vec<_>>(), ["libvulkan1"]);
    }

    #[test]
    fn a_dependency_is_found_by_its_name_without_the_version() {
        let listing = "libstd-rust-web-dev\n  Depends: libc6\n |Depends: libllvm\n  Depends: libllvm22\n    libllvm21\n  Suggests: libllvm9\n";

        assert_eq!(find_dependency(listing, "libllvm"), Some("libllvm22"));
        assert_eq!(find_dependency(listing, "libstd-rust-web-"), None);
    }
}
