//! JSON on one line.

/// Leaves out the white space between tokens, and nothing else: numbers,
/// escapes and the order of fields stay as they were sent.
pub(super) fn compact(json: &str) -> String {
    let mut line = String::with_capacity(json.len());
    let mut in_string = false;
    let mut escaped = false;
    for c in json.chars() {
        if in_string {
            line.push(c);
            if escaped {
                escaped = false;
            } else if c == '\\' {
                escaped = true;
            } else if c == '"' {
                in_string = false;
            }
        } else if !c.is_ascii_whitespace() {
            line.push(c);
            in_string = c == '"';
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_white_space_between_tokens_goes() {
        assert_eq!(
            compact("{ \"a b\" :\n [1.0, 1e2 ,\t\"\\\" x \\\\\" ] }"),
            "{\"a b\":[1.0,1e2,\"\\\" x \\\\\"]}"
        );
    }
}
