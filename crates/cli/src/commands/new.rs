//! `squall new`: a script to start from.

use crate::exit::{CommandResult, ExitStatus, Failure, system_text};
use crate::flags::{Flag, Kind, UsageError};
use crate::session::Session;

/// The file that is made without a name.
const DEFAULT_FILE: &str = "script.js";

pub(super) const FLAGS: &[Flag] = &[
    Flag::new("force", Kind::Bool, "", "overwrite an existing file").short('f'),
    Flag::new(
        "template",
        Kind::Text,
        "string",
        "`minimal`, `protocol`, `browser`, or the path of a file (default minimal)",
    ),
    Flag::new(
        "project-id",
        Kind::Text,
        "string",
        "put this project of Grafana Cloud into the options",
    ),
];

const MINIMAL: &str = include_str!("new/minimal.js");
const PROTOCOL: &str = include_str!("new/protocol.js");
const BROWSER: &str = include_str!("new/browser.js");

/// Makes the file.
pub(super) fn run(session: &Session) -> CommandResult {
    let flags = &session.flags;
    let target = match flags.args.as_slice() {
        [] => DEFAULT_FILE,
        [one] => one,
        more => {
            let text = format!("accepts at most 1 arg(s), received {}", more.len());
            return Err(UsageError(text).into());
        }
    };
    if std::path::Path::new(target).exists() && !flags.is_on("force") {
        return Err(Failure::usage(format!(
            "{target} already exists. Use the `--force` flag to overwrite it"
        )));
    }
    let name = flags.text("template").unwrap_or("minimal");
    let template = match name {
        "minimal" => MINIMAL.to_owned(),
        "protocol" => PROTOCOL.to_owned(),
        "browser" => BROWSER.to_owned(),
        path => std::fs::read_to_string(path).map_err(|error| {
            Failure::usage(format!(
                "error retrieving template: failed to read template file {path}: open {path}: {}",
                system_text(&error)
            ))
        })?,
    };
    let text = fill(&template, target, flags.text("project-id").unwrap_or_default())
        .map_err(|why| Failure::usage(format!("failed to execute template {name}: {why}")))?;
    std::fs::write(target, text)
        .map_err(|error| Failure::usage(format!("open {target}: {}", system_text(&error))))?;
    session.terminal.out(&format!("New script created: {target} ({name} template).\n"));
    Ok(ExitStatus::Success)
}

/// Fills in `{{ .ScriptName }}` and `{{ .ProjectID }}`, and leaves out what stands between `{{ if .ProjectID }}` and
/// `{{ end }}` where there is none; templates for k6 are Go's, and these are what they have to fill in.
fn fill(template: &str, script: &str, project: &str) -> Result<String, String> {
    let mut out = String::new();
    let mut rest = template;
    let mut shown = vec![true];
    while let Some((before, after)) = rest.split_once("{{") {
        let (action, after) =
            after.split_once("}}").ok_or_else(|| "an action is not closed".to_owned())?;
        // `{{-` and `-}}` eat the white space beside them.
        let before = if action.starts_with('-') { before.trim_end() } else { before };
        let after = if action.ends_with('-') { after.trim_start() } else { after };
        let show = shown.iter().all(|shown| *shown);
        if show {
            out.push_str(before);
        }
        let words: Vec<&str> =
            action.trim_matches(['-', ' ', '\t', '\n']).split_whitespace().collect();
        match words.as_slice() {
            [".ScriptName"] if show => out.push_str(script),
            [".ProjectID"] if show => out.push_str(project),
            [".ScriptName" | ".ProjectID"] => {}
            ["if", ".ProjectID"] => shown.push(!project.is_empty()),
            ["if", ".ScriptName"] => shown.push(!script.is_empty()),
            ["else"] if shown.len() > 1 => {
                let last = shown.len() - 1;
                shown[last] = !shown[last];
            }
            ["end"] if shown.len() > 1 => drop(shown.pop()),
            _ => return Err(format!("{{{{{action}}}}} is not supported")),
        }
        rest = after;
    }
    if shown.len() > 1 {
        return Err("an {{ if }} has no {{ end }}".to_owned());
    }
    out.push_str(rest);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_are_filled() {
        let template = "// {{ .ScriptName }}\n{{ if .ProjectID -}}\nid: {{.ProjectID}},\n{{ else }}none\n{{ end }}x";
        assert_eq!(fill(template, "a.js", "7").unwrap(), "// a.js\nid: 7,\nx");
        assert_eq!(fill(template, "a.js", "").unwrap(), "// a.js\nnone\nx");
        for (template, part) in [
            ("{{ .X }}", "not supported"),
            ("{{ if .ProjectID }}", "no {{ end }}"),
            ("{{", "not closed"),
            ("{{ end }}", "not supported"),
        ] {
            assert!(fill(template, "", "").unwrap_err().contains(part), "{template}");
        }
        for template in [MINIMAL, PROTOCOL, BROWSER] {
            assert!(!fill(template, "a.js", "").unwrap().contains("{{"));
        }
    }
}
