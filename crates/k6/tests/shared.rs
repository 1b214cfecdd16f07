//! What VUs share: bytes and text of opened files, rows of CSV files, secrets.

#![allow(clippy::unwrap_used)]

mod support;

use std::sync::Arc;

use engine::script::{Script, Vu};
use k6::{Test, TestConfig};
use plan::options::Options;
use rt::{Core, Nanos};
use support::{Bench, Case, activation, case, iteration};

/// Runs one iteration of each of `vus` VUs, `rounds` times in turn; what they printed.
fn in_turn(case: &Case, vus: u64, rounds: u64) -> Vec<String> {
    in_turn_of(case, case.test(), vus, rounds)
}

fn in_turn_of(case: &Case, test: Test, vus: u64, rounds: u64) -> Vec<String> {
    case.log.0.lock().unwrap().clear();
    let bench = Bench::new(&case.registry);
    Core::simulated(Nanos(1_000_000_000)).block_on(async move {
        let mut all = Vec::new();
        for id in 1..=vus {
            let mut vu = test.new_vu(bench.context(id)).await.unwrap();
            vu.activate(&activation("default"));
            all.push(vu);
        }
        for round in 0..rounds {
            for vu in &mut all {
                vu.iterate(iteration(round)).await;
            }
        }
    });
    case.log.printed()
}

#[test]
fn a_write_into_an_opened_file_is_seen_by_its_vu_alone() {
    let case = case(
        "const bytes = open('/data', 'b');
         const view = new Uint8Array(bytes);
         const tail = new Uint8Array(bytes, 2);
         export default function () {
           const before = [...view].join();
           if (__VU === 1) { tail[0] = 200; new DataView(bytes).setUint8(0, 100); view.set([7], 4); }
           console.log(__VU, before, [...view].join(), tail[0], bytes.slice(1).byteLength);
         }",
    )
    .file("/data", "abcde");
    assert_eq!(
        in_turn(&case, 2, 2),
        [
            "1 97,98,99,100,101 100,98,200,100,7 200 4",
            "2 97,98,99,100,101 97,98,99,100,101 99 4",
            "1 100,98,200,100,7 100,98,200,100,7 200 4",
            "2 97,98,99,100,101 97,98,99,100,101 99 4",
        ]
    );
}

#[test]
fn opened_bytes_can_do_what_any_buffer_can() {
    let case = case(
        "const make = () => open('/data', 'b');
         const buffers = Array.from({ length: 9 }, make);
         export default function () {
           const [a, b, c, d, e, f, g, h, i] = buffers;
           console.log(new Uint8Array(a).fill(1).join(), new Uint8Array(b).sort().reverse().join(), new Uint8Array(c).copyWithin(0, 2).join());
           console.log(new Uint8Array(d.transfer()).join(), d.detached, new Uint8Array(e.transfer(7)).join(), f.resizable);
           const random = crypto.getRandomValues(new Uint8Array(g));
           console.log(random.length, new Uint8Array(h).join(), new Uint16Array(i, 0, 2).length);
           const u = new Uint8Array(i); u[1]++; u[u.length] = 5; Atomics.store(u, 0, 9);
           console.log(u.join(), new Uint8Array(make.call ? i : i).join());
           console.log(new TextDecoder().decode(h), structuredClone(h).byteLength);
         }",
    )
    .file("/data", "cabde");
    assert_eq!(
        in_turn(&case, 1, 1),
        [
            "1,1,1,1,1 101,100,99,98,97 98,100,101,100,101",
            "99,97,98,100,101 true 99,97,98,100,101,0,0 false",
            "5 99,97,98,100,101 2",
            "9,98,98,100,101 9,98,98,100,101",
            "cabde 5",
        ]
    );
}

#[test]
fn large_texts_are_strings_like_others() {
    for (line, name) in [("name,Ann\n", "latin"), ("größe,Üb\n", "narrow"), ("名前,アン\n", "wide")]
    {
        let text = line.repeat(4000);
        let case = case(
            "const text = open('/data');
             const again = open('/data');
             export default function () {
               const lines = text.split('\\n');
               const cut = text.slice(10, 30000);
               const object = { [text.slice(0, 8)]: 1 };
               object[cut] = 2;
               object[text] = 3;
               console.log([
                 typeof text, text === again, text.length === lines.length * 9 - 9, lines.length, lines[3999] === lines[0],
                 cut.length, cut.indexOf('x'), text.lastIndexOf(lines[0]), (text + 'x').length, ('x' + text).slice(1) === text,
                 /,(.)/.exec(text)[1] === lines[0].split(',')[1][0], Object.keys(object).length, object[again], new Map([[text, 1]]).get(again),
                 JSON.parse(JSON.stringify(text)) === text, text.replace('x', 'y') === text, text.toUpperCase().length, text.at(-1) === '\\n',
                 encodeURIComponent(text).length > 0, `${text}`.length, text.normalize().length, [...text].length, text < again,
               ].join());
             }",
        )
        .file("/data", &text);
        let units = text.encode_utf16().count();
        let upper = text.to_uppercase().encode_utf16().count();
        let expect = format!(
            "string,true,{},4001,true,{},-1,{},{},true,true,3,3,1,true,true,{upper},true,true,{units},{units},{},false",
            units == 36000,
            units.min(30000) - 10,
            units - line.encode_utf16().count(),
            units + 1,
            text.chars().count()
        );
        assert_eq!(in_turn(&case, 2, 1), [expect.clone(), expect], "{name}");
    }
}

#[test]
fn unique_rows_are_given_once_in_a_run() {
    let case = case(
        "import { open } from 'k6/experimental/fs'; import csv from 'k6/experimental/csv';
         const parser = new csv.Parser(await open('/data'), { asObjects: true, unique: true });
         const mine = new csv.Parser(await open('/data'), { skipFirstLine: true });
         export default async function () {
           const { done, value } = await parser.next();
           console.log(__VU, done, value.n, (await mine.next()).value);
         }",
    )
    .file("/data", "n\n1\n2\n3\n4\n5\n");
    assert_eq!(
        in_turn(&case, 2, 3),
        [
            "1 false 1 [ \"1\" ]",
            "2 false 2 [ \"1\" ]",
            "1 false 3 [ \"2\" ]",
            "2 false 4 [ \"2\" ]",
            "1 false 5 [ \"3\" ]",
            "2 true undefined [ \"3\" ]",
        ]
    );
}

/// Instances know nothing of each other but their segments.
#[test]
fn instances_that_share_a_test_give_unique_rows_of_their_own() {
    let text: String =
        (0..=30).map(|i| if i == 0 { "n\n".into() } else { format!("{i}\n") }).collect();
    let mut all = Vec::new();
    for (segment, share) in [("0:1/2", 15), ("1/2:3/4", 7), ("3/4:1", 8)] {
        let case = case(
            "import { open } from 'k6/experimental/fs'; import csv from 'k6/experimental/csv';
             const parser = new csv.Parser(await open('/data'), { asObjects: true, unique: true });
             export default async function () {
               const { done, value } = await parser.next();
               if (!done) console.log(value.n);
             }",
        )
        .file("/data", &text);
        let json = format!(
            r#"{{"executionSegment": "{segment}", "executionSegmentSequence": "0,1/2,3/4,1"}}"#
        );
        let options = Arc::new(Options::from_script_json(&json).unwrap().0);
        let test = case.load().unwrap().into_test(TestConfig { options, ..TestConfig::default() });
        let rows = in_turn_of(&case, test, 2, 10);
        assert!(rows.len().abs_diff(share) <= 1, "{segment}: {rows:?}");
        all.extend(rows.iter().map(|row| row.parse::<u32>().unwrap()));
    }
    all.sort_unstable();
    assert_eq!(all, (1..=30).collect::<Vec<_>>());
}
