//! Namespaces: functions that fill an object.
//!
//! What a namespace exports stays a variable of its block, and the object gets it as a property: a plain one for what
//! cannot change, an accessor for what can. Names that an earlier block of the same namespace exported are fetched at
//! the head of a later one.

use oxc_ast::ast::{
    Declaration, ExportNamedDeclaration, Statement, TSModuleBlock, TSModuleDeclaration,
    TSModuleDeclarationBody, TSModuleDeclarationName, VariableDeclarationKind,
};
use oxc_ast_visit::Visit;
use oxc_span::GetSpan;

use crate::constants::quoted;
use crate::enums::Declared;
use crate::names::{Names, of_pattern};
use crate::strip::Stripper;

/// Whether a namespace has code; one of types alone is no value.
pub(crate) fn has_code(it: &TSModuleDeclaration<'_>) -> bool {
    if it.declare || matches!(it.id, TSModuleDeclarationName::StringLiteral(_)) {
        return false;
    }
    match &it.body {
        None => false,
        Some(TSModuleDeclarationBody::TSModuleDeclaration(inner)) => has_code(inner),
        Some(TSModuleDeclarationBody::TSModuleBlock(block)) => {
            block.body.iter().any(|statement| match statement {
                Statement::ExportNamedDeclaration(export) => {
                    export.declaration.as_ref().is_some_and(is_code)
                }
                statement => statement.as_declaration().is_none_or(is_code),
            })
        }
    }
}

/// Whether a declaration leaves anything.
pub(crate) fn is_code(declaration: &Declaration<'_>) -> bool {
    match declaration {
        Declaration::TSTypeAliasDeclaration(_)
        | Declaration::TSInterfaceDeclaration(_)
        | Declaration::TSGlobalDeclaration(_) => false,
        Declaration::TSEnumDeclaration(it) => !it.declare,
        Declaration::TSModuleDeclaration(it) => has_code(it),
        Declaration::FunctionDeclaration(it) => it.body.is_some() && !it.declare,
        Declaration::ClassDeclaration(it) => !it.declare,
        Declaration::VariableDeclaration(it) => !it.declare,
        Declaration::TSImportEqualsDeclaration(it) => it.import_kind.is_value(),
    }
}

impl Stripper<'_> {
    /// Puts a namespace's JavaScript in its place; `from` is where its statement starts.
    pub(crate) fn namespace(
        &mut self,
        it: &TSModuleDeclaration<'_>,
        from: usize,
        declared: Declared,
    ) {
        let mut names = Vec::new();
        let mut inner = it;
        let block = loop {
            if let TSModuleDeclarationName::Identifier(id) = &inner.id {
                names.push(id.name.to_string());
            }
            match &inner.body {
                Some(TSModuleDeclarationBody::TSModuleDeclaration(next)) => inner = next,
                Some(TSModuleDeclarationBody::TSModuleBlock(block)) => break block,
                None => return,
            }
        };
        let (open, close) = (block.span.start as usize, block.span.end as usize - 1);
        let outer = self.namespaces.last().cloned();
        let mut head = String::new();
        let mut tail = String::new();
        let mut holder = match declared {
            Declared::Exported => outer,
            Declared::Plain => None,
        };
        let exported = declared == Declared::Exported && holder.is_none();
        for (depth, name) in names.iter().enumerate() {
            if depth > 0 || self.declare(name) {
                head.push_str(if depth > 0 || !exported { "var " } else { "export var " });
                head.push_str(&format!("{name};"));
            }
            head.push_str(&format!("(({name}) => {{"));
            let value = match &holder {
                Some(holder) => format!("{name} = {holder}.{name} || ({holder}.{name} = {{}})"),
                None => format!("{name} || ({name} = {{}})"),
            };
            tail.insert_str(0, &format!("}})({value});"));
            holder = Some(name.clone());
        }
        self.edits.remove(from, open + 1);
        self.edits.insert(from, head);
        self.block(&names, block, open + 1);
        self.edits.remove(close, close + 1);
        self.edits.insert(close, tail);
    }

    fn block(&mut self, names: &[String], block: &TSModuleBlock<'_>, open: usize) {
        let Some(name) = names.last() else { return };
        let path = format!("{}.{}", self.namespaces.join("."), names.join("."));
        self.fetch_earlier(&path, name, block, open);
        self.namespaces.push(name.clone());
        self.path.push(std::mem::replace(&mut self.scope, open));
        let outer = self.exports_of.replace(path);
        block.body.iter().for_each(|statement| self.visit_statement(statement));
        self.exports_of = outer;
        self.scope = self.path.pop().unwrap_or_default();
        self.namespaces.pop();
    }

    /// Names that earlier blocks exported and this one uses without declaring them.
    fn fetch_earlier(&mut self, path: &str, name: &str, block: &TSModuleBlock<'_>, open: usize) {
        let Some(earlier) = self.exports.get(path) else { return };
        let mut here = Names::default();
        block.body.iter().for_each(|statement| here.visit_statement(statement));
        for export in earlier {
            if here.used.contains(export) && !here.bound.contains(export) {
                self.edits.insert(open, format!("const {export} = {name}.{export};"));
            }
        }
    }

    /// `export` inside of a namespace.
    pub(crate) fn export_in_namespace(&mut self, it: &ExportNamedDeclaration<'_>, of: &str) {
        let (start, end) = (it.span.start as usize, it.span.end as usize);
        let Some(declaration) = &it.declaration else {
            return self.unsupported(start, "a namespace exports declarations only");
        };
        let from = declaration.span().start as usize;
        let mut names = Vec::new();
        let mut changes = false;
        match declaration {
            Declaration::TSModuleDeclaration(inner) => {
                self.edits.erase(start, from);
                self.remember_export(inner.id.name().as_str());
                return self.namespace(inner, from, Declared::Exported);
            }
            Declaration::TSEnumDeclaration(inner) => {
                self.edits.erase(start, from);
                self.enumeration(inner, from, Declared::Plain);
                names.push(inner.id.name.to_string());
            }
            Declaration::VariableDeclaration(variables) => {
                changes = variables.kind != VariableDeclarationKind::Const;
                for declarator in &variables.declarations {
                    of_pattern(&declarator.id, &mut names);
                }
                self.edits.erase(start, from);
                self.visit_declaration(declaration);
                self.end_statement(end);
            }
            Declaration::TSImportEqualsDeclaration(import) => {
                self.edits.erase(start, from);
                self.import_equals(import, from, Declared::Plain);
                names.push(import.id.name.to_string());
            }
            other => {
                names.extend(other.id().map(|id| id.name.to_string()));
                self.edits.erase(start, from);
                self.visit_declaration(declaration);
            }
        }
        for name in names {
            let key = quoted(&name);
            self.edits.insert(
                end,
                if changes {
                    format!(
                        ";Object.defineProperty({of}, {key}, {{enumerable: true, configurable: true, \
                         get: () => {name}, set: ($value) => {{ {name} = $value; }}}});"
                    )
                } else {
                    format!(";{of}.{name} = {name};")
                },
            );
            self.remember_export(&name);
        }
    }

    fn remember_export(&mut self, name: &str) {
        if let Some(path) = self.exports_of.clone() {
            self.exports.entry(path).or_default().push(name.to_owned());
        }
    }
}
