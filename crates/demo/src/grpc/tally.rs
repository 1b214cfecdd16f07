//! What `/metrics` says of gRPC, in the names of Go's gRPC servers.

use super::method::Method;
use super::status::NAMES;
use std::fmt::Write;

const METHODS: usize = Method::ALL.len();
/// One more than the codes that have names: any other.
const CODES: usize = NAMES.len() + 1;

/// Calls started and ended, by method and code.
pub(crate) struct Tally {
    started: [u64; METHODS],
    handled: [[u64; CODES]; METHODS],
}

impl Tally {
    pub(crate) fn new() -> Tally {
        Tally { started: [0; METHODS], handled: [[0; CODES]; METHODS] }
    }

    pub(crate) fn start(&mut self, method: Method) {
        self.started[method as usize] += 1;
    }

    pub(crate) fn end(&mut self, method: Method, code: u8) {
        self.handled[method as usize][usize::from(code).min(CODES - 1)] += 1;
    }

    /// Appends both metrics; nothing if there was no call.
    pub(crate) fn write(&self, out: &mut String) -> std::fmt::Result {
        if self.started.iter().all(|count| *count == 0) {
            return Ok(());
        }
        let labels = |method: Method| {
            let ((service, name), kind) = (method.names(), method.streams().label());
            format!("grpc_method=\"{name}\",grpc_service=\"{service}\",grpc_type=\"{kind}\"")
        };
        writeln!(
            out,
            "# HELP grpc_server_handled_total Total number of RPCs completed on the server, regardless of success or failure."
        )?;
        writeln!(out, "# TYPE grpc_server_handled_total counter")?;
        for method in Method::ALL {
            for (code, count) in self.handled[*method as usize].iter().enumerate() {
                let name = NAMES.get(code).copied().unwrap_or("Code(17+)");
                if *count > 0 {
                    let labels = labels(*method);
                    writeln!(
                        out,
                        "grpc_server_handled_total{{grpc_code=\"{name}\",{labels}}} {count}"
                    )?;
                }
            }
        }
        writeln!(
            out,
            "# HELP grpc_server_started_total Total number of RPCs started on the server."
        )?;
        writeln!(out, "# TYPE grpc_server_started_total counter")?;
        for method in Method::ALL {
            let count = self.started[*method as usize];
            if count > 0 {
                writeln!(out, "grpc_server_started_total{{{}}} {count}", labels(*method))?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_counted_by_method_and_code() {
        let mut tally = Tally::new();
        let mut text = String::new();
        tally.write(&mut text).unwrap();
        assert_eq!(text, "");
        for code in [0, 0, 14, 99] {
            tally.start(Method::Sum);
            tally.end(Method::Sum, code);
        }
        tally.write(&mut text).unwrap();
        let labels =
            "grpc_method=\"SumNumbers\",grpc_service=\"sum.SumNumbersService\",grpc_type=\"unary\"";
        for line in [
            format!("grpc_server_handled_total{{grpc_code=\"OK\",{labels}}} 2"),
            format!("grpc_server_handled_total{{grpc_code=\"Unavailable\",{labels}}} 1"),
            format!("grpc_server_handled_total{{grpc_code=\"Code(17+)\",{labels}}} 1"),
            format!("grpc_server_started_total{{{labels}}} 4"),
        ] {
            assert!(text.lines().any(|have| have == line), "{line} not in\n{text}");
        }
    }
}
