//! Imports and exports. What is imported and only ever used as a type is not imported, as in every TypeScript compiler:
//! `import { Options } from 'k6/options'` names a module that does not exist when the test runs.

use oxc_ast::ast::{
    Declaration, ExportNamedDeclaration, ExportSpecifier, ImportDeclaration,
    ImportDeclarationSpecifier, ModuleExportName, Program, Statement, TSImportEqualsDeclaration,
    TSModuleReference,
};
use oxc_span::GetSpan;
use rustc_hash::FxHashSet;

use crate::enums::Declared;
use crate::names::of_pattern;
use crate::namespaces::is_code;
use crate::scan;
use crate::strip::Stripper;

/// What a file declares at its top, as types and as values.
#[derive(Debug, Default)]
pub(crate) struct TopLevel {
    types: FxHashSet<String>,
    values: FxHashSet<String>,
}

impl TopLevel {
    /// Looks at the statements of a file.
    pub(crate) fn of(program: &Program<'_>) -> Self {
        let mut top = Self::default();
        for statement in &program.body {
            match statement {
                Statement::ExportNamedDeclaration(export) => {
                    export.declaration.iter().for_each(|declaration| top.declaration(declaration));
                }
                Statement::ImportDeclaration(import) if import.import_kind.is_value() => {
                    for specifier in import.specifiers.iter().flatten() {
                        let names =
                            if is_type(specifier) { &mut top.types } else { &mut top.values };
                        names.insert(specifier.name().to_string());
                    }
                }
                Statement::ImportDeclaration(import) => {
                    let names = import.specifiers.iter().flatten();
                    top.types.extend(names.map(|specifier| specifier.name().to_string()));
                }
                statement => {
                    statement.as_declaration().iter().for_each(|it| top.declaration(it));
                }
            }
        }
        top
    }

    fn declaration(&mut self, it: &Declaration<'_>) {
        let mut names = Vec::new();
        match it {
            Declaration::VariableDeclaration(variables) => {
                variables.declarations.iter().for_each(|one| of_pattern(&one.id, &mut names));
            }
            Declaration::TSModuleDeclaration(module) => names.push(module.id.name().to_string()),
            other => names.extend(other.id().map(|id| id.name.to_string())),
        }
        // What is declared elsewhere (`declare const x`) is a value all the same.
        let is_type = matches!(
            it,
            Declaration::TSTypeAliasDeclaration(_) | Declaration::TSInterfaceDeclaration(_)
        ) || (matches!(it, Declaration::TSModuleDeclaration(_)) && !is_code(it));
        if is_type { self.types.extend(names) } else { self.values.extend(names) }
    }

    fn is_only_type(&self, name: &str) -> bool {
        self.types.contains(name) && !self.values.contains(name)
    }
}

fn is_type(specifier: &ImportDeclarationSpecifier<'_>) -> bool {
    matches!(specifier, ImportDeclarationSpecifier::ImportSpecifier(it) if it.import_kind.is_type())
}

impl Stripper<'_> {
    /// Takes out of an import what is not used as a value.
    pub(crate) fn import(&mut self, it: &ImportDeclaration<'_>) {
        let (start, end) = (it.span.start as usize, it.span.end as usize);
        let Some(specifiers) = &it.specifiers else { return };
        let unwanted: Vec<bool> = specifiers
            .iter()
            .map(|one| is_type(one) || !self.used.contains(one.name().as_ref()))
            .collect();
        if it.import_kind.is_type() || (!unwanted.is_empty() && unwanted.iter().all(|no| *no)) {
            return self.erase_statement(start, end);
        }
        for (specifier, _) in specifiers.iter().zip(unwanted).filter(|(_, unwanted)| *unwanted) {
            let span = specifier.span();
            let (from, to) = (span.start as usize, span.end as usize);
            self.edits.erase(from, to);
            match scan::next_is(self.source, to, end, b',') {
                Some(comma) => self.edits.erase(comma, comma + 1),
                // `import a, * as b`: the comma goes with the last one.
                None if matches!(
                    specifier,
                    ImportDeclarationSpecifier::ImportNamespaceSpecifier(_)
                ) =>
                {
                    if let Some(comma) = scan::find(self.source, start, from, b',') {
                        self.edits.erase(comma, comma + 1);
                    }
                }
                None => {}
            }
        }
    }

    /// `export { … }` at the top of a file.
    pub(crate) fn export_list(&mut self, it: &ExportNamedDeclaration<'_>) {
        let end = it.span.end as usize;
        let is_type = |one: &ExportSpecifier<'_>, top: &TopLevel| {
            one.export_kind.is_type()
                || (it.source.is_none()
                    && matches!(&one.local, ModuleExportName::IdentifierReference(id)
                        if top.is_only_type(&id.name)))
        };
        for one in &it.specifiers {
            if !is_type(one, &self.top) {
                if let (ModuleExportName::IdentifierReference(id), None) = (&one.local, &it.source)
                {
                    self.used.insert(id.name.to_string());
                }
                continue;
            }
            let to = one.span.end as usize;
            self.edits.erase(one.span.start as usize, to);
            if let Some(comma) = scan::next_is(self.source, to, end, b',') {
                self.edits.erase(comma, comma + 1);
            }
        }
        // `export { type A } from './a'` imports nothing.
        let only_types = it.specifiers.iter().all(|one| is_type(one, &self.top));
        if it.source.is_some() && !it.specifiers.is_empty() && only_types {
            self.erase_statement(it.span.start as usize, end);
        }
    }

    /// At the top of a file, an alias that is only used as a type is none.
    pub(crate) fn import_equals_if_used(&mut self, it: &TSImportEqualsDeclaration<'_>) {
        let (start, end) = (it.span.start as usize, it.span.end as usize);
        if it.import_kind.is_value() && self.used.contains(it.id.name.as_str()) {
            self.import_equals(it, start, Declared::Plain);
        } else {
            self.erase_statement(start, end);
        }
    }

    /// `import name = require('x')` and `import name = Some.Name`.
    pub(crate) fn import_equals(
        &mut self,
        it: &TSImportEqualsDeclaration<'_>,
        from: usize,
        declared: Declared,
    ) {
        let end = it.span.end as usize;
        if it.import_kind.is_type() {
            return self.erase_statement(from, end);
        }
        let target = it.module_reference.span();
        let name = it.id.name.as_str();
        let is_require =
            matches!(it.module_reference, TSModuleReference::ExternalModuleReference(_));
        if let Some(root) = root_of(&it.module_reference) {
            self.used.insert(root);
        }
        let word = if is_require { "const" } else { "var" };
        let export = if declared == Declared::Exported { "export " } else { "" };
        self.edits.remove(from, target.start as usize);
        self.edits.insert(from, format!("{export}{word} {name} = "));
        self.declare(name);
    }
}

/// The first name of `A.B.C`.
fn root_of(reference: &TSModuleReference<'_>) -> Option<String> {
    match reference {
        TSModuleReference::IdentifierReference(id) => Some(id.name.to_string()),
        TSModuleReference::QualifiedName(name) => {
            let mut left = &name.left;
            loop {
                match left {
                    oxc_ast::ast::TSTypeName::QualifiedName(inner) => left = &inner.left,
                    oxc_ast::ast::TSTypeName::IdentifierReference(id) => {
                        return Some(id.name.to_string());
                    }
                    oxc_ast::ast::TSTypeName::ThisExpression(_) => return None,
                }
            }
        }
        _ => None,
    }
}
