//! What is printed before a run: a header and the plan (k6's reference, C.10).

use std::fmt::Write as _;
use std::time::Duration;

use plan::duration::format_go;

/// What the banner says.
pub(crate) struct Banner<'a> {
    /// The script as typed.
    pub(crate) script: &'a str,
    /// Descriptions of the outputs.
    pub(crate) outputs: &'a [String],
    /// What of a cluster is forwarded, and where to.
    pub(crate) forwards: &'a [String],
    /// This instance's share of the test, 0 to 1.
    pub(crate) share: f64,
    /// VUs that may exist at once.
    pub(crate) max_vus: u64,
    /// The longest the scenarios may take, waiting for iterations included.
    pub(crate) max_duration: Duration,
    /// `name: description` of each scenario.
    pub(crate) scenarios: &'a [String],
    /// `--time-scale`, where it is not 1.
    pub(crate) time_scale: Option<f64>,
}

/// Our header, in the place of k6's logo.
pub(crate) fn header(color: bool) -> String {
    let title = format!("squall {}", env!("CARGO_PKG_VERSION"));
    if color { format!("\n  \x1b[1;36m{title}\x1b[0m\n\n") } else { format!("\n  {title}\n\n") }
}

impl Banner<'_> {
    /// The block of execution, script, output and scenarios.
    pub(crate) fn render(&self, color: bool) -> String {
        let paint = |text: &str| {
            if color { format!("\x1b[36m{text}\x1b[0m") } else { text.to_owned() }
        };
        let outputs =
            if self.outputs.is_empty() { "-".to_owned() } else { self.outputs.join(", ") };
        let mut text = format!(
            "     execution: {}\n        script: {}\n        output: {}\n",
            paint("local"),
            paint(self.script),
            paint(&outputs),
        );
        for forward in self.forwards {
            let _ = writeln!(text, "       forward: {}", paint(forward));
        }
        if let Some(factor) = self.time_scale {
            let _ = writeln!(text, "    time scale: {}", paint(&factor.to_string()));
        }
        let scenarios = match self.scenarios.len() {
            1 => "1 scenario".to_owned(),
            n => format!("{n} scenarios"),
        };
        let line = format!(
            "({:.2}%) {scenarios}, {} max VUs, {} max duration (incl. graceful stop):",
            self.share * 100.0,
            self.max_vus,
            format_go(self.max_duration),
        );
        let _ = writeln!(text, "\n     scenarios: {}", paint(&line));
        for scenario in self.scenarios {
            let _ = writeln!(text, "              * {scenario}");
        }
        text.push('\n');
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_block_is_the_one_of_k6() {
        let banner = Banner {
            script: "s/m.js",
            outputs: &["json (f)".into()],
            forwards: &[],
            share: 1.0,
            max_vus: 2,
            max_duration: Duration::from_secs(31),
            scenarios: &["default: 2 looping VUs for 1s (gracefulStop: 30s)".into()],
            time_scale: None,
        };
        assert_eq!(
            banner.render(false),
            "     execution: local\n        script: s/m.js\n        output: json (f)\n\n     \
             scenarios: (100.00%) 1 scenario, 2 max VUs, 31s max duration (incl. graceful stop):\n              \
             * default: 2 looping VUs for 1s (gracefulStop: 30s)\n\n"
        );
        assert!(banner.render(true).contains("execution: \x1b[36mlocal\x1b[0m\n"));
    }
}
