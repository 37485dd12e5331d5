//! Commands that documents and messages name are commands that there are.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::support::{bare_command, run};

/// The files below a folder with this ending.
fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    let (folders, files) = paths.drain(..).partition(|path| path.is_dir());
    let folders: Vec<PathBuf> = folders;
    let files: Vec<PathBuf> = files;
    let below = folders
        .iter()
        .flat_map(|folder| self::files(folder, ending));
    let ours = |path: &PathBuf| path.extension().is_some_and(|found| found == ending);
    files.into_iter().filter(ours).chain(below).collect()
}

/// The documents: those at the top, those in `docs/`, and those of each crate.
pub(crate) fn pages() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let entries = std::fs::read_dir(&root).unwrap();
    let top = entries.map(|entry| entry.unwrap().path());
    let top = top.filter(|path| path.extension().is_some_and(|ending| ending == "md"));
    let below = ["docs", "crates"].map(|folder| files(&root.join(folder), "md"));
    top.chain(below.into_iter().flatten()).collect()
}

/// What stands between these two characters and begins with our name.
fn quoted(text: &str, [open, close]: [char; 2]) -> Vec<&str> {
    let parts = text.match_indices(open).filter_map(|(at, _)| {
        let rest = &text[at + open.len_utf8()..];
        let quoted = rest.split_once(close)?.0;
        quoted.starts_with("bucketload ").then_some(quoted)
    });
    parts.collect()
}

/// The lines of blocks of commands that begin with our name, without what is said about them.
fn lines(page: &str) -> Vec<&str> {
    let blocks = page.split("```sh\n").skip(1);
    let blocks = blocks.filter_map(|rest| rest.split("\n```").next());
    let lines = blocks.flat_map(str::lines).map(str::trim);
    let ours = lines.filter(|line| line.starts_with("bucketload "));
    ours.filter_map(|line| line.split(" #").next()).collect()
}

/// The arguments of a command, as a shell takes them apart.
fn arguments(command: &str) -> Vec<String> {
    // In a text of a program quotes and ends of lines are escaped.
    let command = command.replace("\\\"", "\"").replace("\\\n", " ");
    let mut arguments = vec![String::new()];
    let mut quoted = false;
    for character in command.trim().chars() {
        match character {
            '"' => quoted = !quoted,
            _ if character.is_whitespace() && !quoted => arguments.push(String::new()),
            _ => arguments.last_mut().unwrap().push(character),
        }
    }
    let arguments = arguments.into_iter().skip(1);
    // What leads the output elsewhere is the shell's.
    let arguments = arguments.take_while(|argument| argument != ">");
    arguments.filter(|argument| !argument.is_empty()).collect()
}

/// What is wrong with a command line, but for values that stand for others or are left out.
///
/// Whoever asks for help after a word that is none gets an error.
fn complaint(arguments: &[String]) -> Option<String> {
    let folder = tempfile::tempdir().unwrap();
    let ran = run(bare_command(folder.path()).args(arguments).arg("--help"));
    let of_values = ["error: invalid value", "error: a value is required"];
    let is_understood =
        ran.code == 0 || of_values.iter().any(|start| ran.stderr.starts_with(start));
    (!is_understood).then_some(ran.stderr)
}

#[test]
fn commands_that_documents_and_messages_name_are_understood() {
    let mut commands = BTreeSet::new();
    let mut note = |text: &str| {
        let found = quoted(text, ['`', '`']);
        let found = found.into_iter().chain(quoted(text, ['“', '”']));
        let found = found.chain(lines(text));
        commands.extend(found.map(arguments));
    };
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for text in pages().into_iter().chain(files(&crates, "rs")) {
        note(&std::fs::read_to_string(text).unwrap());
    }
    assert!(commands.len() > 40, "{}", commands.len());
    let wrong = commands
        .iter()
        .filter_map(|command| Some((command, complaint(command)?)));
    let wrong: Vec<_> = wrong.collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}
