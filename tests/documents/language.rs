//! Wording and spelling that a reader would stumble over. In: every text of the repository that people read. Reads.

use std::fs;
use std::process::Command;

use support::packages::stdout;
use support::repository;

/// Phrases, word by word, and what to write instead.
const IDIOMS: [(&str, &str); 14] = [
    ("is no", "is not a, does not exist"),
    ("are no", "do not exist"),
    ("nobody", "no user, no process; or the passive"),
    ("somebody", "another user, another program"),
    ("whoever", "the user who, the program that"),
    ("mend", "fix"),
    ("mends", "fixes"),
    ("mended", "fixed"),
    ("mending", "fixing"),
    ("belongs into", "belongs in"),
    ("belong into", "belong in"),
    ("has it that", "states that"),
    ("in his hands", "controls"),
    ("corpse", "a guest that is \"running\" without a process"),
];

/// The texts to check, but for what programs or other people wrote.
const TEXTS: [&str; 13] = [
    "deploy",
    "src",
    "tests",
    "benches",
    "docs",
    "man",
    "examples",
    "packaging",
    "README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "Makefile",
];
const NOT_OURS: [&str; 4] =
    ["tests/fixtures/", "tests/fuzz/corpus/", "packaging/copyright", "tests/documents/language.rs"];

/// Lists the words of a text, the first letter in lower case, each with its line and the character before it. The name of a
/// function counts as the words between its underscores.
fn words(text: &str) -> Vec<(usize, char, String)> {
    let mut found: Vec<(usize, char, String)> = Vec::new();
    let (mut line, mut before, mut inside, mut in_function) = (1, '\n', false, false);
    for letter in text.chars() {
        let is_inside = letter.is_alphanumeric() || (letter == '_' && !in_function);
        if is_inside && inside {
            found.last_mut().unwrap().2.push(letter);
        } else if is_inside {
            in_function = (in_function && before == '_')
                || (found.last().is_some_and(|(_, _, word)| word == "fn") && before == ' ');
            found.push((line, before, letter.to_lowercase().collect()));
        } else if letter != '_' {
            in_function = false;
        }
        inside = is_inside;
        line += usize::from(letter == '\n');
        before = letter;
    }
    found
}

/// Lists the phrases that a text uses: `12: nobody`.
fn idioms(text: &str) -> Vec<String> {
    let words = words(text);
    let mut found = Vec::new();
    for (phrase, _) in IDIOMS {
        let phrase_words: Vec<&str> = phrase.split(' ').collect();
        for (place, window) in words.windows(phrase_words.len()).enumerate() {
            let next = words.get(place + phrase_words.len()).map(|(_, _, word)| word.as_str());
            // "is no longer" and "is no more than" are English, and 'nobody' is an account.
            let is_quoted = phrase_words.len() == 1 && ['\'', '"', '`', '=', ':'].contains(&window[0].1);
            let is_phrase = window.iter().zip(&phrase_words).all(|((_, _, word), phrase)| word == phrase);
            if is_phrase && !is_quoted && !matches!(next, Some("longer" | "more")) {
                found.push(format!("{}: {phrase}", window[0].0));
            }
        }
    }
    found
}

#[test]
fn phrases_are_found_across_lines_and_in_names_of_functions_only() {
    let text =
        "It is\n// no file. Nobody reads it, recommended for 'nobody' and is no longer mended.\nconst NOBODY: u32";
    assert_eq!(idioms(text), ["1: is no", "2: nobody", "2: mended"]);

    let names = "fn is_no_longer_read() {}\nfn a_file_is_no_link() { is_no_file() }\n\
                 fn waits_for_nobody() {}\nlet mend_it = is_no_name;\nfn nobody_waits() {}";
    assert_eq!(idioms(names), ["2: is no", "3: nobody", "5: nobody"]);
}

#[test]
fn no_text_or_function_uses_an_idiom() {
    let listed = stdout(Command::new("git").arg("ls-files").args(TEXTS).current_dir(repository()));
    let ours = listed.lines().filter(|name| !NOT_OURS.iter().any(|other| name.starts_with(other)));
    let mut found = Vec::new();
    for name in ours {
        let Ok(text) = fs::read_to_string(repository().join(name)) else { continue };
        found.extend(idioms(&text).iter().map(|idiom| format!("{name}:{idiom}")));
    }
    assert!(found.is_empty(), "{}\ninstead: {IDIOMS:#?}", found.join("\n"));
}

/// Words with which a doc comment would begin as half a sentence.
const FRAGMENTS: [&str; 9] = ["How", "What", "When", "Where", "Whether", "Which", "Who", "Whose", "Why"];

/// Lists the doc comments of a source that begin with such a word: `12: What`.
fn fragments(source: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut is_continued = false;
    for (line, text) in source.lines().enumerate() {
        let comment = text.trim_start().strip_prefix("///").or_else(|| text.trim_start().strip_prefix("//!"));
        let first = comment.and_then(|comment| comment.split_whitespace().next());
        if let Some(word) = first.filter(|word| !is_continued && FRAGMENTS.contains(word)) {
            found.push(format!("{}: {word}", line + 1));
        }
        is_continued = first.is_some();
    }
    found
}

#[test]
fn no_doc_comment_begins_as_half_a_sentence() {
    assert_eq!(
        fragments("/// What it is.\n/// Reports\n/// What it is.\n///\n    /// Whether\nWhat"),
        ["1: What", "5: Whether"]
    );

    let listed = stdout(Command::new("git").args(["ls-files", "*.rs"]).current_dir(repository()));
    let mut found = Vec::new();
    for name in listed.lines() {
        let Ok(source) = fs::read_to_string(repository().join(name)) else { continue };
        found.extend(fragments(&source).iter().map(|fragment| format!("{name}:{fragment}")));
    }
    assert!(found.is_empty(), "begin these with a verb or a noun:\n{}", found.join("\n"));
}
