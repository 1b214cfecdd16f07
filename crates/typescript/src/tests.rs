//! What goes in, what comes out. Columns and lines stay, so most results show the spaces.

use super::{MAX_DEPTH, strip};

#[track_caller]
fn check(cases: &[(&str, &str)]) {
    for (source, expect) in cases {
        match strip(source) {
            Ok(out) => {
                assert_eq!(out.trim_end(), *expect, "{source}");
                assert_eq!(out.lines().count(), source.lines().count(), "{source}");
            }
            Err(error) => panic!("{source}: {error:?}"),
        }
    }
}

#[test]
fn types_become_spaces() {
    check(&[
        ("let x: number = 1;", "let x         = 1;"),
        ("let x!: number;", "let x         ;"),
        (
            "const f = (a?: string, ...b: T[]): void => {};",
            "const f = (a         , ...b     )       => {};",
        ),
        (
            "function f<T>(this: X, a: T): a is U { return a as any; }",
            "function f   (         a   )         { return a       ; }",
        ),
        ("f<string>(a!, b satisfies C)", "f        (a , b            )"),
        ("new Map<string, number>();", "new Map                ();"),
        ("tag<T>`x`;", "tag   `x`;"),
        ("const g = f<T>;", "const g = f   ;"),
        ("try {} catch (e: unknown) {}", "try {} catch (e         ) {}"),
        ("(x as any).y = 1; x! += 1;", "(x       ).y = 1; x  += 1;"),
        ("const { a, b }: P = p;", "const { a, b }    = p;"),
        ("for (const x of y as Z[]) {}", "for (const x of y       ) {}"),
        ("const s: 'ü€' = 1", "const s       = 1"),
    ]);
}

#[test]
fn assertions_in_angle_brackets_get_parentheses() {
    check(&[
        ("let x = <any>y;", "let x = (    y);"),
        ("const f = () => <T>{};", "const f = () => (  {});"),
        ("return <\nT\n>x", "return (\n \n x)"),
    ]);
}

#[test]
fn declarations_of_types_leave_a_semicolon() {
    check(&[
        ("interface A { b: c }\nf()", ";                   \nf()"),
        ("type A = b\nf()", ";         \nf()"),
        ("export type A = b;", ";"),
        ("export interface A {}", ";"),
        ("declare const a: number;", ";"),
        ("declare function f(): void;", ";"),
        ("declare module 'x' { }", ";"),
        ("declare global { var x: 1 }", ";"),
        ("function f(a: 1): void\nfunction f(a) {}", ";                     \nfunction f(a) {}"),
        (
            "export default function f(): void;\nexport default function f() {}",
            ";                                 \nexport default function f() {}",
        ),
        ("namespace Types { export type A = 1 }", ";"),
        ("export as namespace X;", ";"),
    ]);
}

#[test]
fn lines_that_ended_still_end() {
    check(&[
        ("let a = b as any\n(c)", "let a = b;      \n(c)"),
        ("let a: T\n(c)", "let a;  \n(c)"),
        ("const f = () => a as T\n[1].x", "const f = () => a;    \n[1].x"),
        ("f(() => a as T, 1)", "f(() => a     , 1)"),
        ("class A { a: T\n['b'] = 1 }", "class A { a;  \n['b'] = 1 }"),
        ("class A { a = 1\npublic ['b'] = 1 }", "class A { a = 1\n;      ['b'] = 1 }"),
        ("const f = (a):\nT => a", "const f = (a  \n) => a"),
        ("const f = async <\nT>(a) => a", "const f = async (\n   a) => a"),
    ]);
}

#[test]
fn classes_keep_what_runs() {
    check(&[
        (
            "abstract class A<T> extends B<T> implements C, D {}",
            "         class A    extends B                    {}",
        ),
        (
            "class A { private static readonly x?: number = 1; }",
            "class A { ;       static          x          = 1; }",
        ),
        (
            "class A { declare x: number; [k: string]: any; }",
            "class A { ;                  ;                 }",
        ),
        (
            "abstract class A { abstract x(): void; y() {} }",
            "         class A { ;                   y() {} }",
        ),
        ("class A { f(a: 1): void; f(a) {} }", "class A { ;              f(a) {} }"),
        ("class A { x?(): void {} }", "class A { x ()       {} }"),
        ("export abstract class A {}", "export          class A {}"),
        ("const A = class implements B {};", "const A = class              {};"),
        (
            "class A { constructor(private a: number, readonly b = 2, c) { f(); } }",
            "class A { constructor(        a        ,          b = 2, c) { this.a = a; this.b = b; f(); } }",
        ),
        (
            "class A extends B { constructor(public a) {\n super();\n f(); } }",
            "class A extends B { constructor(       a) {\n super();; this.a = a;\n f(); } }",
        ),
    ]);
}

#[test]
fn enums_become_objects() {
    check(&[
        (
            "enum A { X, Y = 'y', Z = 1 << 2 }",
            r#"var A = ((A) => { A[A["X"] = 0] = "X"; A["Y"] = "y"; A[A["Z"] = 4] = "Z"; return A;})(A || {});"#,
        ),
        (
            "export const enum A {\n  X = 3, // x\n  Y,\n}",
            "export var A = ((A) => {\n  A[A[\"X\"] = 3] = \"X\"; // x\n  A[A[\"Y\"] = 4] = \"Y\";\nreturn A;})(A || {});",
        ),
        (
            "enum A { X = f(), Y = X + g(X) }",
            r#"var A = ((A) => { A[A["X"] = f()] = "X"; A[A["Y"] = A.X + g(A.X)] = "Y"; return A;})(A || {});"#,
        ),
        (
            "enum A { X = 1 } enum B { Y = A.X | 2, 'a-b' = `${Y}!` }",
            r#"var A = ((A) => { A[A["X"] = 1] = "X"; return A;})(A || {}); var B = ((B) => { B[B["Y"] = 3] = "Y"; B["a-b"] = "3!"; return B;})(B || {});"#,
        ),
        (
            "enum A { X } enum A { Y = 5 }",
            r#"var A = ((A) => { A[A["X"] = 0] = "X"; return A;})(A || {}); A = ((A) => { A[A["Y"] = 5] = "Y"; return A;})(A || {});"#,
        ),
        ("declare enum A { X }", ";"),
    ]);
}

#[test]
fn namespaces_become_functions() {
    check(&[
        (
            "namespace A { export const x: number = 1; const y = 2; }",
            "var A;((A) => {        const x         = 1;;A.x = x; const y = 2; })(A || (A = {}));",
        ),
        (
            "export namespace A.B { export function f() {} }",
            "export var A;((A) => {var B;((B) => {        function f() {};B.f = f; })(B = A.B || (A.B = {}));})(A || (A = {}));",
        ),
        (
            "namespace A { export let x = 1 } namespace A { f(x) }",
            "var A;((A) => {        let x = 1;Object.defineProperty(A, \"x\", {enumerable: true, configurable: true, get: () => x, set: ($value) => { x = $value; }}); })(A || (A = {})); ((A) => {const x = A.x; f(x) })(A || (A = {}));",
        ),
        (
            "class A {} namespace A { export type T = 1; f() }",
            "class A {} ((A) => { ;                  f() })(A || (A = {}));",
        ),
    ]);
}

#[test]
fn imports_of_types_are_no_imports() {
    check(&[
        (
            "import { Options } from 'k6/options';\nconst o: Options = {};",
            ";                                    \nconst o          = {};",
        ),
        ("import type { A } from 'a';", ";"),
        (
            "import a, { type B, c, D } from 'a';\na(c as D);",
            "import a, {         c,   } from 'a';\na(c     );",
        ),
        ("import a, * as b from 'a';\na as any;", "import a         from 'a';\na       ;"),
        ("import 'a';\nlet x: 1", "import 'a';\nlet x;"),
        // JavaScript stays as it is.
        ("import { a } from 'a';", "import { a } from 'a';"),
        ("export { type A, b } from 'a';", "export {         b } from 'a';"),
        ("export { type A } from 'a';", ";"),
        ("export type { A } from 'a';", ";"),
        ("export type * from 'a';", ";"),
        (
            "interface A {}\nconst b = 1;\nexport { A, b };",
            ";             \nconst b = 1;\nexport {    b };",
        ),
        ("import x = require('x');\nx as any;", "const x = require('x');\nx       ;"),
        ("import x = require('x');\nlet y: x;", ";                       \nlet y   ;"),
        ("export = f as any;", "module.exports = f       ;"),
    ]);
}

#[test]
fn what_has_no_javascript_says_where() {
    for (source, line, column, part) in [
        ("\n @d class A {}", 2, 2, "decorators"),
        ("class A { accessor x = 1 }", 1, 11, "auto-accessors"),
        ("enum A { X = f(), Y }", 1, 19, "needs a value"),
        ("let x: number = ;", 1, 17, "nexpected"),
        ("ü\nlet é: = 1", 2, 8, ""),
    ] {
        let error = strip(source).unwrap_err();
        assert_eq!((error.line, error.column), (line, column), "{source}: {error:?}");
        assert!(error.message.contains(part), "{source}: {error:?}");
    }
    let deep = "(".repeat(MAX_DEPTH + 1);
    assert!(strip(&deep).unwrap_err().message.contains("nested"));
}

/// Pieces of TypeScript that are put together, cut and damaged.
const PIECES: [&str; 24] = [
    "class A<T> extends B<T> implements C { private readonly x?: number = 1; constructor(public y) { super(); } }\n",
    "enum E { A = 1, B = A << 2, C = 'c', D = f() }\n",
    "namespace N.M { export const x: T = 1; export let { y, ...z } = q; export function f() {} }\n",
    "import { a, type B } from 'c';\n",
    "import d, * as e from 'f';\n",
    "export { a as b, type C };\n",
    "export default abstract class { abstract x(): void; [k: string]: any }\n",
    "type X<T> = T extends (infer U)[] ? { [K in keyof U]?: U[K] } : never;\n",
    "const f = async <\nT,>(a: T, b?: number):\nPromise<T> => <any>a!;\n",
    "let x = y as any satisfies Z\n",
    "(z)\n",
    "`a${b as c}d`;\n",
    "for (const i of j as k[]) { l<m>(n); }\n",
    "declare module 'm' { export const x: 1 }\n",
    "function g(this: H, i?: J): asserts i is K { return i!.l![0]; }\n",
    "import n = require('n'); export = n;\n",
    "/* ü€𝄞 */ // é\n",
    "'\\u2028';\u{2028}",
    "if (a) b; else { try { } catch (e: any) { } }\n",
    "@d class Q { accessor w = 1 }\n",
    "label: while (true) { break label; }\n",
    "x = { a, b() { }, get c(): d { return e }, [f]: g };\n",
    "/re/g.test(h) ? i : j;\n",
    "#!/usr/bin/env k6\n",
];

#[test]
fn any_text_is_stripped_or_refused() {
    // xorshift64 (Marsaglia 2003).
    let mut state = 0x5eed_u64;
    let mut random = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % below.max(1) as u64) as usize
    };
    let mut stripped = 0;
    for _ in 0..6000 {
        let mut text: String = (0..=random(4)).map(|_| PIECES[random(PIECES.len())]).collect();
        for _ in 0..random(4) {
            let boundaries: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
            let Some(&at) = boundaries.get(random(boundaries.len())) else { continue };
            match random(4) {
                0 => text.truncate(at),
                1 => text.insert_str(at, PIECES[random(PIECES.len())]),
                2 => text.insert(at, ['<', '(', '{', '!', ':', 'é', '\n', '?'][random(8)]),
                _ => drop(text.remove(at)),
            }
        }
        if let Ok(out) = strip(&text) {
            stripped += 1;
            assert_eq!(out.lines().count(), text.lines().count(), "{text:?} became {out:?}");
        }
    }
    assert!(stripped > 500, "{stripped} of 6000 were TypeScript");
}
