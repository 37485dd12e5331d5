//! Text of others, made fit for one line.

/// A text on one line of at most so many characters. What moves a cursor, breaks a line or
/// turns the direction of writing becomes a blank: names and answers are written by anybody.
pub fn one_line(text: &str, most_characters: usize) -> String {
    let is_hidden = |letter: char| {
        letter.is_control()
            || matches!(
                letter,
                '\u{2028}' | '\u{2029}' | '\u{200E}' | '\u{200F}' | '\u{FEFF}'
            )
            || ('\u{202A}'..='\u{202E}').contains(&letter)
            || ('\u{2066}'..='\u{2069}').contains(&letter)
    };
    let visible = text.replace(is_hidden, " ");
    let words: Vec<&str> = visible.split_whitespace().collect();
    let line = words.join(" ");
    if line.chars().count() <= most_characters {
        return line;
    }
    let kept = most_characters.saturating_sub(1);
    let mut short: String = line.chars().take(kept).collect();
    short.push('…');
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_joined_and_nothing_hidden_is_left() {
        assert_eq!(one_line("a\r\nBcc: b@c.d\u{202E}x\0", 80), "a Bcc: b@c.d x");
        assert_eq!(one_line("  plain  text ", 80), "plain text");
    }

    #[test]
    fn what_is_too_long_ends_early() {
        assert_eq!(one_line("äöüß", 4), "äöüß");
        assert_eq!(one_line("äöüßx", 4), "äöü…");
    }
}
