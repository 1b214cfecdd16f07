//! Server reflection: which services there are, and the files that declare them. One answer to one question, the same
//! in both versions of the protocol.

use super::schema::FILES;
use super::status::{Status, code};
use super::wire::{Fields, Value, put_bytes, put_number};

/// Writes the answer to a `ServerReflectionRequest`.
///
/// # Errors
/// When it is not one.
pub(crate) fn answer(request: &[u8], out: &mut Vec<u8>) -> Result<(), Status> {
    let mut question = None;
    for field in Fields(request) {
        match field.map_err(|_| Status::malformed())? {
            (1, Value::Bytes(host)) => put_bytes(out, 1, host),
            (number @ 3..=7, Value::Bytes(text)) => question = Some((number, text)),
            _ => {}
        }
    }
    let Some((number, text)) = question else {
        return Err(Status::new(code::INVALID_ARGUMENT, "invalid MessageRequest: <nil>"));
    };
    put_bytes(out, 2, request);
    let text = String::from_utf8_lossy(text);
    let file = match number {
        3 => FILES.iter().find(|file| file.name == text),
        4 => FILES.iter().find(|file| file.declares(&text)),
        7 => {
            put_bytes(out, 6, &services());
            return Ok(());
        }
        // Extensions are proto2's; nothing here has any.
        _ => None,
    };
    let mut inner = Vec::new();
    match file {
        Some(file) => {
            put_bytes(&mut inner, 1, &file.descriptor());
            put_bytes(out, 4, &inner);
        }
        None => {
            put_number(&mut inner, 1, i64::from(code::NOT_FOUND));
            put_bytes(&mut inner, 2, format!("not found: {text}").as_bytes());
            put_bytes(out, 7, &inner);
        }
    }
    Ok(())
}

/// `ListServiceResponse`.
fn services() -> Vec<u8> {
    let mut names: Vec<String> = FILES.iter().flat_map(|file| file.services()).collect();
    names.sort_unstable();
    let mut out = Vec::new();
    for name in names {
        let mut service = Vec::new();
        put_bytes(&mut service, 1, name.as_bytes());
        put_bytes(&mut out, 1, &service);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(field: u64, text: &str) -> Vec<(u64, Vec<u8>)> {
        let (mut request, mut out) = (Vec::new(), Vec::new());
        put_bytes(&mut request, field, text.as_bytes());
        answer(&request, &mut out).unwrap();
        let fields = Fields(&out).map(|field| match field.unwrap() {
            (number, Value::Bytes(bytes)) => (number, bytes.to_vec()),
            (number, Value::Number(_)) => (number, Vec::new()),
        });
        fields.collect()
    }

    #[test]
    fn services_are_listed_and_files_found() {
        let list = ask(7, "*");
        assert_eq!(list[1].0, 6);
        let text = String::from_utf8_lossy(&list[1].1).into_owned();
        for name in ["sum.SumNumbersService", "grpc.health.v1.Health", "squall.demo.Streams"] {
            assert!(text.contains(name), "{name}");
        }
        for (field, name) in [(3, "sum.proto"), (4, "sum.SumRequest"), (4, "sum.SumNumbersService")]
        {
            let file = ask(field, name);
            assert_eq!(file[1].0, 4, "{name}");
            assert!(String::from_utf8_lossy(&file[1].1).contains("SumResponse"));
        }
        assert_eq!(ask(4, "nope")[1].0, 7);
        assert_eq!(ask(6, "sum.SumRequest")[1].0, 7);
    }

    #[test]
    fn what_is_no_question_is_an_error() {
        assert_eq!(answer(b"\x0a", &mut Vec::new()), Err(Status::malformed()));
        assert!(answer(b"", &mut Vec::new()).is_err());
    }
}
