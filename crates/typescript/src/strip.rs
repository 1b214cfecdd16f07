//! The walk over a file: what is a type goes, what is more than a type is handed to its module.

use oxc_ast::ast::*;
use oxc_ast_visit::{Visit, walk};
use oxc_span::GetSpan;
use oxc_syntax::scope::ScopeFlags;
use rustc_hash::{FxHashMap, FxHashSet};

use crate::constants::Members;
use crate::edits::Edits;
use crate::enums::Declared;
use crate::modules::TopLevel;
use crate::namespaces::is_code;
use crate::scan;
use crate::{SyntaxError, error_at};

/// Words before a member or parameter that are types only.
const MODIFIERS: [&str; 7] =
    ["public", "private", "protected", "readonly", "override", "abstract", "declare"];

/// A file being stripped.
pub(crate) struct Stripper<'s> {
    pub(crate) source: &'s str,
    pub(crate) edits: Edits,
    /// Names used as values.
    pub(crate) used: FxHashSet<String>,
    pub(crate) top: TopLevel,
    /// Enums so far.
    pub(crate) enums: FxHashMap<String, Members>,
    /// The enum whose computed member is being walked, and its members' names.
    pub(crate) members: Option<(String, FxHashSet<String>)>,
    /// Members of the enum at hand whose values are not constant.
    pub(crate) computed: FxHashSet<String>,
    /// Names of the namespaces around, outermost first.
    pub(crate) namespaces: Vec<String>,
    /// What the blocks of a namespace have exported so far, by its path.
    pub(crate) exports: FxHashMap<String, Vec<String>>,
    /// Path of the namespace around.
    pub(crate) exports_of: Option<String>,
    /// Where the block around starts, and those around it.
    pub(crate) scope: usize,
    pub(crate) path: Vec<usize>,
    declared: FxHashSet<(usize, String)>,
    failed: Option<SyntaxError>,
}

/// Strips a parsed file.
pub(crate) fn program(source: &str, program: &Program<'_>) -> Result<String, SyntaxError> {
    let mut stripper = Stripper {
        source,
        edits: Edits::new(source),
        used: FxHashSet::default(),
        top: TopLevel::of(program),
        enums: FxHashMap::default(),
        members: None,
        computed: FxHashSet::default(),
        namespaces: Vec::new(),
        exports: FxHashMap::default(),
        exports_of: None,
        scope: 0,
        path: Vec::new(),
        declared: FxHashSet::default(),
        failed: None,
    };
    stripper.visit_program(program);
    for statement in &program.body {
        if let Statement::TSImportEqualsDeclaration(it) = statement {
            stripper.import_equals_if_used(it);
        }
    }
    let imports = || {
        program.body.iter().filter_map(|statement| match statement {
            Statement::ImportDeclaration(import) => Some(import),
            _ => None,
        })
    };
    // A file that is JavaScript as it stands stays as it is, its unused imports too.
    if !stripper.edits.is_empty() || imports().any(|import| has_type(import)) {
        imports().for_each(|import| stripper.import(import));
    }
    match stripper.failed {
        Some(error) => Err(error),
        None => Ok(stripper.edits.finish()),
    }
}

fn has_type(import: &ImportDeclaration<'_>) -> bool {
    import.import_kind.is_type()
        || import.specifiers.iter().flatten().any(|one| {
            matches!(one, ImportDeclarationSpecifier::ImportSpecifier(it) if it.import_kind.is_type())
        })
}

impl Stripper<'_> {
    /// Notes that something has no JavaScript here; the first one is told.
    pub(crate) fn unsupported(&mut self, at: usize, message: &str) {
        if self.failed.is_none() {
            self.failed = Some(error_at(self.source, at, message.to_owned()));
        }
    }

    /// Notes a variable of the block around; false if it was there before.
    pub(crate) fn declare(&mut self, name: &str) -> bool {
        self.declared.insert((self.scope, name.to_owned()))
    }

    /// Erases a whole statement or member. A semicolon stays, so that what stands before and behind don't become one.
    pub(crate) fn erase_statement(&mut self, from: usize, to: usize) {
        self.edits.erase(from, to);
        self.edits.put(from, b';');
    }

    /// A statement whose end was erased ends with a semicolon, as the next line may go on with it otherwise.
    pub(crate) fn end_statement(&mut self, end: usize) {
        let (from, to) = self.edits.last_erased();
        if to == end && from < to {
            self.edits.put(from, b';');
        }
    }

    fn erase_span(&mut self, span: oxc_span::Span) {
        self.edits.erase(span.start as usize, span.end as usize);
    }

    /// Erases the modifiers between the start of a member or parameter and its name.
    fn erase_modifiers(&mut self, from: usize, to: usize, separator: Option<u8>) {
        let source = self.source;
        for (i, (at, word)) in scan::words(source, from, to).enumerate() {
            if MODIFIERS.contains(&word) {
                self.edits.erase(at, at + word.len());
                // `a = 1 ⏎ public ['b']` must not become `a = 1 ⏎ ['b']`.
                if let (0, Some(separator)) = (i, separator) {
                    self.edits.put(at, separator);
                }
            }
        }
    }

    /// Erases the first `token` of a stretch, if it is next there.
    fn erase_token(&mut self, from: usize, to: usize, token: u8) {
        if let Some(at) = scan::next_is(self.source, from, to, token) {
            self.edits.erase(at, at + 1);
        }
    }

    fn has_line_end(&self, from: usize, to: usize) -> bool {
        self.source.get(from..to).is_some_and(|text| text.contains(['\n', '\r']))
    }

    /// Whether a statement is only there for the types.
    fn is_type_only(statement: &Statement<'_>) -> bool {
        match statement {
            Statement::ExportNamedDeclaration(export) => {
                export.export_kind.is_type()
                    || export.declaration.as_ref().is_some_and(|it| !is_code(it))
            }
            Statement::ExportAllDeclaration(export) => export.export_kind.is_type(),
            Statement::ExportDefaultDeclaration(export) => match &export.declaration {
                ExportDefaultDeclarationKind::TSInterfaceDeclaration(_) => true,
                ExportDefaultDeclarationKind::FunctionDeclaration(it) => it.body.is_none(),
                _ => false,
            },
            Statement::TSNamespaceExportDeclaration(_) => true,
            statement => statement.as_declaration().is_some_and(|it| !is_code(it)),
        }
    }

    fn parameter_properties(&mut self, constructor: &Function<'_>) {
        let mut text = String::new();
        for parameter in &constructor.params.items {
            let is_property =
                parameter.accessibility.is_some() || parameter.readonly || parameter.r#override;
            if let (true, BindingPattern::BindingIdentifier(id)) = (is_property, &parameter.pattern)
            {
                text.push_str(&format!(" this.{0} = {0};", id.name));
            }
        }
        let Some(body) = &constructor.body else { return };
        if text.is_empty() {
            return;
        }
        let calls_super = |statement: &&Statement<'_>| {
            matches!(statement, Statement::ExpressionStatement(it)
                if matches!(&it.expression, Expression::CallExpression(call)
                    if matches!(call.callee, Expression::Super(_))))
        };
        let behind = body.statements.iter().find(calls_super).map(GetSpan::span);
        let behind = behind.or_else(|| body.directives.last().map(|it| it.span));
        match behind {
            Some(span) => self.edits.insert(span.end as usize, format!(";{text}")),
            None => self.edits.insert(body.span.start as usize + 1, text),
        }
    }

    fn class_head(&mut self, it: &Class<'_>) {
        let (start, body) = (it.span.start as usize, it.body.span.start as usize);
        if it.r#abstract {
            self.erase_modifiers(start, body, None);
        }
        let mut at = it.id.as_ref().map_or(start, |id| id.span.end as usize);
        if let Some(parameters) = &it.type_parameters {
            self.erase_span(parameters.span);
            at = parameters.span.end as usize;
        }
        if let Some(super_class) = &it.super_class {
            self.visit_expression(super_class);
            at = super_class.span().end as usize;
        }
        if let Some(arguments) = &it.super_type_arguments {
            self.erase_span(arguments.span);
            at = arguments.span.end as usize;
        }
        if let (Some(first), Some(last)) = (it.implements.first(), it.implements.last()) {
            let source = self.source;
            // Without a name the word `class` comes first.
            let word = scan::words(source, at, first.span.start as usize)
                .find(|(_, word)| *word == "implements");
            if let Some((from, _)) = word {
                self.edits.erase(from, last.span.end as usize);
            }
        }
    }
}

impl<'a> Visit<'a> for Stripper<'_> {
    fn visit_statement(&mut self, it: &Statement<'a>) {
        let span = it.span();
        let (start, end) = (span.start as usize, span.end as usize);
        if Self::is_type_only(it) {
            return self.erase_statement(start, end);
        }
        match it {
            // When everything else is known.
            Statement::ImportDeclaration(_) => return,
            Statement::TSEnumDeclaration(it) => {
                return self.enumeration(it, start, Declared::Plain);
            }
            Statement::TSModuleDeclaration(it) => {
                return self.namespace(it, start, Declared::Plain);
            }
            // So are these.
            Statement::TSImportEqualsDeclaration(_) if self.namespaces.is_empty() => return,
            Statement::TSImportEqualsDeclaration(it) => {
                self.import_equals(it, start, Declared::Plain);
            }
            Statement::TSExportAssignment(it) => {
                let from = it.expression.span().start as usize;
                self.edits.remove(start, from);
                self.edits.insert(start, "module.exports = ");
                self.visit_expression(&it.expression);
            }
            Statement::ExportNamedDeclaration(export) => {
                if let Some(of) = self.namespaces.last().cloned() {
                    return self.export_in_namespace(export, &of);
                }
                match &export.declaration {
                    None => self.export_list(export),
                    Some(Declaration::TSEnumDeclaration(it)) => {
                        return self.enumeration(it, start, Declared::Exported);
                    }
                    Some(Declaration::TSModuleDeclaration(it)) => {
                        return self.namespace(it, start, Declared::Exported);
                    }
                    Some(Declaration::TSImportEqualsDeclaration(it)) => {
                        self.import_equals(it, start, Declared::Exported);
                    }
                    Some(declaration) => self.visit_declaration(declaration),
                }
            }
            _ => walk::walk_statement(self, it),
        }
        self.end_statement(end);
    }

    fn visit_block_statement(&mut self, it: &BlockStatement<'a>) {
        self.path.push(std::mem::replace(&mut self.scope, it.span.start as usize));
        walk::walk_block_statement(self, it);
        self.scope = self.path.pop().unwrap_or_default();
    }

    fn visit_function(&mut self, it: &Function<'a>, flags: ScopeFlags) {
        if let (Some(id), FunctionType::FunctionDeclaration) = (&it.id, it.r#type) {
            self.declare(&id.name);
        }
        self.path.push(std::mem::replace(&mut self.scope, it.span.start as usize));
        walk::walk_function(self, it, flags);
        self.scope = self.path.pop().unwrap_or_default();
    }

    fn visit_arrow_function_expression(&mut self, it: &ArrowFunctionExpression<'a>) {
        let params = (it.params.span.start as usize, it.params.span.end as usize);
        if let Some(parameters) = &it.type_parameters {
            let (from, to) = (parameters.span.start as usize, parameters.span.end as usize);
            self.edits.erase(from, to);
            // No line may end between `async` and the parameters.
            if it.r#async && self.has_line_end(from, params.0) {
                self.edits.put(from, b'(');
                self.edits.put(params.0, b' ');
            }
        }
        self.visit_formal_parameters(&it.params);
        if let Some(annotation) = &it.return_type {
            let to = annotation.span.end as usize;
            self.edits.erase(params.1, to);
            // Nor between the parameters and `=>`.
            if self.has_line_end(params.1, to) {
                self.edits.put(params.1 - 1, b' ');
                self.edits.put(to - 1, b')');
            }
        }
        let outer = std::mem::replace(&mut self.scope, it.body.span.start as usize);
        self.path.push(outer);
        match it.get_expression() {
            // It is no statement, whatever the tree calls it.
            Some(expression) => self.visit_expression(expression),
            None => self.visit_function_body(&it.body),
        }
        self.scope = self.path.pop().unwrap_or_default();
    }

    fn visit_formal_parameter(&mut self, it: &FormalParameter<'a>) {
        if let Some(decorator) = it.decorators.first() {
            self.visit_decorator(decorator);
        }
        let pattern = it.pattern.span();
        let (from, to) = (pattern.start as usize, pattern.end as usize);
        self.erase_modifiers(it.span.start as usize, from, None);
        self.visit_binding_pattern(&it.pattern);
        if it.optional {
            self.erase_token(to, self.source.len(), b'?');
        }
        if let Some(annotation) = &it.type_annotation {
            self.visit_ts_type_annotation(annotation);
        }
        if let Some(initializer) = &it.initializer {
            self.visit_expression(initializer);
        }
    }

    fn visit_variable_declarator(&mut self, it: &VariableDeclarator<'a>) {
        let mut names = Vec::new();
        crate::names::of_pattern(&it.id, &mut names);
        for name in &names {
            self.declare(name);
        }
        self.visit_binding_pattern(&it.id);
        if it.definite {
            self.erase_token(it.id.span().end as usize, self.source.len(), b'!');
        }
        if let Some(annotation) = &it.type_annotation {
            self.visit_ts_type_annotation(annotation);
        }
        if let Some(init) = &it.init {
            self.visit_expression(init);
        }
    }

    fn visit_class(&mut self, it: &Class<'a>) {
        if let Some(decorator) = it.decorators.first() {
            self.visit_decorator(decorator);
        }
        if let Some(id) = &it.id {
            self.declare(&id.name);
        }
        self.class_head(it);
        self.visit_class_body(&it.body);
    }

    fn visit_class_element(&mut self, it: &ClassElement<'a>) {
        let span = it.span();
        let (start, end) = (span.start as usize, span.end as usize);
        let (is_type, key) = match it {
            ClassElement::StaticBlock(_) => (false, None),
            ClassElement::TSIndexSignature(_) => (true, None),
            ClassElement::MethodDefinition(it) => (
                it.r#type == MethodDefinitionType::TSAbstractMethodDefinition
                    || it.value.body.is_none(),
                Some(it.key.span()),
            ),
            ClassElement::PropertyDefinition(it) => (
                it.r#type == PropertyDefinitionType::TSAbstractPropertyDefinition || it.declare,
                Some(it.key.span()),
            ),
            ClassElement::AccessorProperty(it) => {
                let is_type = it.r#type == AccessorPropertyType::TSAbstractAccessorProperty;
                if !is_type {
                    self.unsupported(start, "auto-accessors (`accessor name`) are not supported");
                }
                (is_type, None)
            }
        };
        if is_type {
            return self.erase_statement(start, end);
        }
        if let Some(key) = key {
            self.erase_modifiers(start, key.start as usize, Some(b';'));
        }
        walk::walk_class_element(self, it);
        if matches!(it, ClassElement::PropertyDefinition(_)) {
            self.end_statement(end);
        }
    }

    fn visit_method_definition(&mut self, it: &MethodDefinition<'a>) {
        if it.kind == MethodDefinitionKind::Constructor {
            self.parameter_properties(&it.value);
        }
        if it.optional {
            let key = it.key.span().end as usize;
            if let Some(at) = scan::find(self.source, key, it.value.span.end as usize, b'?') {
                self.edits.erase(at, at + 1);
            }
        }
        walk::walk_method_definition(self, it);
    }

    fn visit_property_definition(&mut self, it: &PropertyDefinition<'a>) {
        if let Some(decorator) = it.decorators.first() {
            self.visit_decorator(decorator);
        }
        self.visit_property_key(&it.key);
        let mut from = it.key.span().end as usize;
        let end = it.span.end as usize;
        if it.computed {
            from = scan::next_is(self.source, from, end, b']').map_or(from, |at| at + 1);
        }
        if it.optional {
            self.erase_token(from, end, b'?');
        }
        if it.definite {
            self.erase_token(from, end, b'!');
        }
        if let Some(annotation) = &it.type_annotation {
            self.visit_ts_type_annotation(annotation);
        }
        if let Some(value) = &it.value {
            self.visit_expression(value);
        }
    }

    fn visit_ts_as_expression(&mut self, it: &TSAsExpression<'a>) {
        self.visit_expression(&it.expression);
        self.edits.erase(it.expression.span().end as usize, it.span.end as usize);
    }

    fn visit_ts_satisfies_expression(&mut self, it: &TSSatisfiesExpression<'a>) {
        self.visit_expression(&it.expression);
        self.edits.erase(it.expression.span().end as usize, it.span.end as usize);
    }

    fn visit_ts_non_null_expression(&mut self, it: &TSNonNullExpression<'a>) {
        self.visit_expression(&it.expression);
        self.edits.erase(it.span.end as usize - 1, it.span.end as usize);
    }

    fn visit_ts_type_assertion(&mut self, it: &TSTypeAssertion<'a>) {
        // In parentheses: `() => <T>{}` would become a block, and a line may end within the type.
        let from = it.span.start as usize;
        self.edits.erase(from, it.expression.span().start as usize);
        self.edits.put(from, b'(');
        self.visit_expression(&it.expression);
        self.edits.insert(it.expression.span().end as usize, ")");
    }

    fn visit_ts_instantiation_expression(&mut self, it: &TSInstantiationExpression<'a>) {
        self.visit_expression(&it.expression);
        self.erase_span(it.type_arguments.span);
    }

    fn visit_ts_type_annotation(&mut self, it: &TSTypeAnnotation<'a>) {
        let mut from = it.span.start as usize;
        if self.source.as_bytes().get(from) != Some(&b':') {
            from = self.source[..from].rfind(':').unwrap_or(from);
        }
        self.edits.erase(from, it.span.end as usize);
    }

    fn visit_ts_type_parameter_declaration(&mut self, it: &TSTypeParameterDeclaration<'a>) {
        self.erase_span(it.span);
    }

    fn visit_ts_type_parameter_instantiation(&mut self, it: &TSTypeParameterInstantiation<'a>) {
        self.erase_span(it.span);
    }

    fn visit_ts_this_parameter(&mut self, it: &TSThisParameter<'a>) {
        let end = it.span.end as usize;
        self.erase_span(it.span);
        self.erase_token(end, self.source.len(), b',');
    }

    fn visit_decorator(&mut self, it: &Decorator<'a>) {
        self.unsupported(it.span.start as usize, "decorators are not supported");
    }

    fn visit_identifier_reference(&mut self, it: &IdentifierReference<'a>) {
        if !self.used.contains(it.name.as_str()) {
            self.used.insert(it.name.to_string());
        }
        if let Some((of, names)) = &self.members
            && names.contains(it.name.as_str())
        {
            let text = format!("{of}.");
            self.edits.insert(it.span.start as usize, text);
        }
    }
}
