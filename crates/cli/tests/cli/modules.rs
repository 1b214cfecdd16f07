//! TypeScript, JSON, packages: what a script is made of besides one JavaScript file.

use std::fs;

use crate::program::{Folder, Program};

const MAIN: &str = "export default function () {}\n";

fn tree(files: &[(&str, &str)]) -> Folder {
    let folder = Folder::new();
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

fn run(folder: &Folder, script: &str) -> Program {
    folder.squall(&["run", "--quiet", "--no-record", "--log-format", "raw", script])
}

#[test]
fn typescript_runs_with_everything_that_is_more_than_types() {
    let folder = tree(&[
        (
            "t.ts",
            "import { Options } from 'k6/options';
import type { Item } from './types';
import { double, Shape } from './lib';
enum Color { Red, Green = 'g', Blue = 1 << 2 }
namespace N { export const one: number = 1; export namespace M { export function two(): number { return one + 1; } } }
abstract class Base<T> {
  constructor(protected readonly name: string, public n = 2) {}
  abstract go(): T;
}
class Own extends Base<number> { field?: string; go(): number { return this.n; } }
export const options: Options = { vus: 2, iterations: 2 };
function same<T>(value: T): T { return value; }
export default function (): void {
  const own = new Own('a');
  const item: Item = { shape: Shape.Round };
  const all = [Color, N.one, N.M.two(), own.go(), Object.keys(own), double(2), same<string>('s'), item!.shape as any];
  console.log(JSON.stringify(all));
}
",
        ),
        ("types.ts", "export interface Item { shape: number }\n"),
        ("lib.mts", "export enum Shape { Square, Round }\nexport const double = (n: number): number => n * 2;\n"),
    ]);
    let line = r#"[{"0":"Red","4":"Blue","Red":0,"Green":"g","Blue":4},1,2,2,["name","n","field"],4,"s",1]"#;
    run(&folder, "t.ts").run().expect_code(0).expect_stderr(&format!("{line}\n{line}\n"));
}

#[test]
fn typescript_errors_show_the_place_in_the_typescript_file() {
    for (source, code, place) in [
        ("interface A {\n  b: string }\nconst x: number = ;\n", 107, "t.ts: Line 3:19 "),
        (
            "type A = {\n a: 1 };\n@dec class B {}\n",
            107,
            "t.ts: Line 3:1 decorators are not supported",
        ),
        (
            "type A = {\n a: 1 };\nconst a: A = null as any; throw new Error('top')\n",
            107,
            "t.ts:3:33(",
        ),
    ] {
        let folder = tree(&[("t.ts", &format!("{source}{MAIN}"))]);
        run(&folder, "t.ts").run().expect_code(code).expect_stderr(place);
    }
    let folder = tree(&[(
        "t.ts",
        "interface A {\n  b: string\n}\nexport default function (this: any): void {\n  const a: A | null = null; a!.b;\n}\n",
    )]);
    run(&folder, "t.ts").run().expect_code(0).expect_stderr("t.ts:5:");
}

#[test]
fn standard_input_may_be_typescript() {
    let folder = Folder::new();
    let script =
        "export default function (): void { const a: number = 1; console.log('a', a as any); }";
    folder
        .squall(&["run", "--quiet", "--no-record", "-"])
        .input(script)
        .run()
        .expect_code(0)
        .expect_stderr("a 1");
}

#[test]
fn json_is_imported_and_required() {
    let folder = tree(&[
        (
            "t.js",
            "import data from './d.json';
import again, { list } from './d.json' with { type: 'json' };
import * as all from './d.json';
const required = require('./d');
export default function () {
  console.log(JSON.stringify([data, list, all.default.list, required.list, again.default]));
}
",
        ),
        ("d.json", "\u{feff}{ \"list\": [1, \"ü\"], \"default\": 7 }\n"),
    ]);
    let line = r#"[{"list":[1,"ü"],"default":7},[1,"ü"],[1,"ü"],[1,"ü"],7]"#;
    run(&folder, "t.js").run().expect_code(0).expect_stderr(line);
    let folder = tree(&[("t.js", &format!("import './d.json';\n{MAIN}")), ("d.json", "{ nope }")]);
    run(&folder, "t.js").run().expect_code(107).expect_stderr("/d.json: ");
}

#[test]
fn packages_and_short_names_are_found() {
    let folder = tree(&[
        (
            "src/t.js",
            "import { a } from './lib';
import dir from '../dir';
import es from 'es-only';
import cjs from 'cjs-only';
import { deep } from '@scope/pkg/deep/x';
import { alias } from '@/alias';
const both = require('es-or-cjs');
import both2 from 'es-or-cjs';
export const options = { vus: 3, iterations: 3 };
export default function () {
  console.log([a, dir, es, cjs.name, cjs.inner, deep, alias, both.kind, both2.kind].join(' '));
}
",
        ),
        ("src/lib.js", "export const a = 'lib';\n"),
        ("dir/index.ts", "const x: string = 'index';\nexport default x;\n"),
        (
            "tsconfig.json",
            "{ \"compilerOptions\": { /* our own */ \"paths\": { \"@/*\": [\"./src/parts/*\"], } } }",
        ),
        ("src/parts/alias.ts", "export const alias: string = 'alias';\n"),
        ("node_modules/es-only/package.json", r#"{"module": "m.js"}"#),
        ("node_modules/es-only/m.js", "export default 'es';\n"),
        ("node_modules/cjs-only/package.json", r#"{"main": "./main"}"#),
        (
            "node_modules/cjs-only/main.js",
            "let fs; try { fs = require('fs'); } catch (e) { fs = String(e).includes('part of Node.js'); }\n\
             exports.name = 'cjs'; exports.inner = require('./inner') + fs;\n",
        ),
        ("node_modules/cjs-only/inner.js", "module.exports = 'inner';\n"),
        ("node_modules/@scope/pkg/package.json", r#"{"exports": {"./deep/*": "./lib/*.mjs"}}"#),
        ("node_modules/@scope/pkg/lib/x.mjs", "export const deep = 'deep';\n"),
        (
            "node_modules/es-or-cjs/package.json",
            r#"{"exports": {"import": "./i.mjs", "require": "./r.cjs"}}"#,
        ),
        ("node_modules/es-or-cjs/i.mjs", "export default { kind: 'import' };\n"),
        ("node_modules/es-or-cjs/r.cjs", "module.exports = { kind: 'require' };\n"),
    ]);
    let line = "lib index es cjs innertrue deep alias require import\n";
    run(&folder, "src/t.js").run().expect_code(0).expect_stderr(&line.repeat(3));
}

#[test]
fn what_cannot_be_imported_says_which_and_why() {
    for (specifier, part) in [
        (
            "lodash",
            "The moduleSpecifier \"lodash\" couldn't be recognised as something k6 supports.",
        ),
        ("./none", "The moduleSpecifier \"./none\" couldn't be found on local disk."),
        ("http", "the module \"http\" is part of Node.js and does not exist in load tests"),
        (
            "needs-node",
            "is part of Node.js and does not exist in load tests; the package \"needs-node\"",
        ),
        ("closed/inner", "the package \"closed\""),
        ("file:///none.js", "couldn't be found on local disk"),
    ] {
        let folder = tree(&[
            ("t.js", &format!("import '{specifier}';\n{MAIN}")),
            ("node_modules/needs-node/index.js", "import 'node:net';\n"),
            ("node_modules/closed/package.json", r#"{"exports": "./x.js"}"#),
        ]);
        run(&folder, "t.js").run().expect_code(107).expect_stderr(part);
    }
}
