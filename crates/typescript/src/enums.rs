//! Enums: objects with their members by name, and their names by number.

use oxc_ast::ast::{TSEnumDeclaration, TSEnumMember, TSEnumMemberName};
use oxc_ast_visit::Visit;
use oxc_span::GetSpan;

use crate::constants::{Constant, Members, Scope, quoted};
use crate::strip::Stripper;

/// How the variable of an enum or a namespace is declared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Declared {
    /// A variable of the file or block.
    Plain,
    /// The same, exported.
    Exported,
}

impl Stripper<'_> {
    /// Puts an enum's JavaScript in its place; `from` is where its statement starts.
    pub(crate) fn enumeration(
        &mut self,
        it: &TSEnumDeclaration<'_>,
        from: usize,
        declared: Declared,
    ) {
        let name = it.id.name.as_str();
        let body = (it.body.span.start as usize, it.body.span.end as usize);
        self.edits.remove(from, body.0 + 1);
        let var = match (self.declare(name), declared) {
            (true, Declared::Plain) => "var ",
            (true, Declared::Exported) => "export var ",
            // A second declaration adds to the first.
            (false, _) => "",
        };
        self.edits.insert(from, format!("{var}{name} = (({name}) => {{"));
        self.computed.clear();
        let mut members = self.enums.remove(name).unwrap_or_default();
        let mut next = Some(0.0);
        for member in &it.body.members {
            next = self.member(name, member, next, &mut members);
        }
        self.enums.insert(name.to_owned(), members);
        self.edits.remove(body.1 - 1, body.1);
        self.edits.insert(body.1 - 1, format!("return {name};}})({name} || {{}});"));
    }

    /// One member; the result is the next one's value, if that follows.
    fn member(
        &mut self,
        of: &str,
        it: &TSEnumMember<'_>,
        next: Option<f64>,
        members: &mut Members,
    ) -> Option<f64> {
        let (start, end) = (it.span.start as usize, it.span.end as usize);
        let name = match &it.id {
            TSEnumMemberName::Identifier(id) => id.name.to_string(),
            TSEnumMemberName::String(text) | TSEnumMemberName::ComputedString(text) => {
                text.value.to_string()
            }
            TSEnumMemberName::ComputedTemplateString(text) => {
                let first = text.quasis.first().and_then(|quasi| quasi.value.cooked.as_ref());
                first.map(ToString::to_string).unwrap_or_default()
            }
        };
        let key = quoted(&name);
        let value = match &it.initializer {
            None => match next {
                Some(n) => Some(Constant::Number(n)),
                None => {
                    self.unsupported(start, "an enum member behind a computed one needs a value");
                    None
                }
            },
            Some(init) => Scope { own: members, enums: &self.enums }.value(init),
        };
        if let Some(comma) = crate::scan::next_is(self.source, end, self.source.len(), b',') {
            self.edits.remove(comma, comma + 1);
        }
        match (&value, &it.initializer) {
            (Some(Constant::Text(_)), _) | (Some(Constant::Number(_)), _) => {
                self.edits.remove(start, end);
                let value = value.clone().unwrap_or(Constant::Number(0.0));
                let text = value.source();
                self.edits.insert(
                    end,
                    match value {
                        Constant::Number(_) => format!("{of}[{of}[{key}] = {text}] = {key};"),
                        Constant::Text(_) => format!("{of}[{key}] = {text};"),
                    },
                );
            }
            (None, Some(init)) => {
                let from = init.span().start as usize;
                self.edits.remove(start, from);
                self.edits.insert(from, format!("{of}[{of}[{key}] = "));
                let names = members.keys().cloned().chain(self.computed.iter().cloned()).collect();
                let outer = self.members.replace((of.to_owned(), names));
                self.visit_expression(init);
                self.members = outer;
                self.edits.insert(end, format!("] = {key};"));
                self.computed.insert(name);
                return None;
            }
            (None, None) => return None,
        }
        let next = match &value {
            Some(Constant::Number(n)) => Some(n + 1.0),
            _ => None,
        };
        if let Some(value) = value {
            members.insert(name, value);
        }
        next
    }
}
