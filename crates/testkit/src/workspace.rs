//! A temporary folder in which the binary is called.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

/// A temporary folder and the binary that works in it.
pub struct Workspace {
    folder: TempDir,
    binary: PathBuf,
}

/// How a call ended.
#[derive(Debug)]
pub struct Answer {
    /// Exit code; -1 if a signal ended it.
    pub code: i32,
    /// What it wrote on stdout.
    pub stdout: String,
    /// What it wrote on stderr.
    pub stderr: String,
}

impl Answer {
    /// The last line of stderr: the error, if there was one.
    pub fn error(&self) -> &str {
        self.stderr.lines().last().unwrap_or_default()
    }
}

impl Workspace {
    /// A new folder for calls of a binary.
    pub fn new(binary: impl Into<PathBuf>) -> Self {
        Self {
            folder: tempfile::tempdir().expect("a temporary folder"),
            binary: binary.into(),
        }
    }

    /// A path in the folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Write a file, and the folders above it.
    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().expect("a folder above")).expect("a folder");
        std::fs::write(path, bytes).expect("a file");
    }

    /// The command with these arguments, in the folder, with one thread an operation so that tests run beside each other.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env("OMP_NUM_THREADS", "1")
            .env_remove("RUST_BACKTRACE")
            .env_remove("KILN_LOG")
            .stdin(Stdio::null());
        command
    }

    /// Call the binary and wait.
    pub fn kiln(&self, arguments: &[&str]) -> Answer {
        self.finish(self.command(arguments), "")
    }

    /// Call the binary with text on its standard input, and wait.
    pub fn kiln_with_input(&self, arguments: &[&str], input: &str) -> Answer {
        self.finish(self.command(arguments), input)
    }

    /// Call the binary under a shell's limits, `ulimit -f 100`, and wait.
    pub fn kiln_limited(&self, limits: &str, arguments: &[&str]) -> Answer {
        let mut command = Command::new("bash");
        command
            .arg("-c")
            .arg(format!("{limits} && exec \"$0\" \"$@\""))
            .arg(&self.binary)
            .args(arguments)
            .current_dir(self.folder.path())
            .env("OMP_NUM_THREADS", "1")
            .env_remove("RUST_BACKTRACE");
        self.finish(command, "")
    }

    /// Start the binary without waiting; what it writes goes nowhere.
    pub fn start(&self, arguments: &[&str]) -> Child {
        self.command(arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the binary starts")
    }

    fn finish(&self, mut command: Command, input: &str) -> Answer {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        let mut stdin = child.stdin.take().expect("a pipe");
        // A process that does not read its input closes the pipe: that is no failure of the test.
        let _ = stdin.write_all(input.as_bytes());
        drop(stdin);
        let output = child.wait_with_output().expect("the binary ends");
        Answer {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// The bytes of a file.
    pub fn read(&self, name: &str) -> Vec<u8> {
        let path = self.path(name);
        std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// The names in a folder, sorted; none if it is not there.
    pub fn names(&self, folder: &str) -> Vec<String> {
        names(&self.path(folder))
    }
}

fn names(folder: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut names: Vec<String> = entries
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}
