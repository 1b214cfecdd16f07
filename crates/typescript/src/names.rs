//! Which names a piece of a program binds and refers to.

use oxc_ast::ast::{BindingIdentifier, BindingPattern, IdentifierReference};
use oxc_ast_visit::Visit;
use rustc_hash::FxHashSet;

/// Names as they are found; scopes are not told apart, which only ever keeps more than is needed.
#[derive(Debug, Default)]
pub(crate) struct Names {
    /// What is referred to.
    pub(crate) used: FxHashSet<String>,
    /// What is declared.
    pub(crate) bound: FxHashSet<String>,
}

impl<'a> Visit<'a> for Names {
    fn visit_identifier_reference(&mut self, it: &IdentifierReference<'a>) {
        self.used.insert(it.name.to_string());
    }

    fn visit_binding_identifier(&mut self, it: &BindingIdentifier<'a>) {
        self.bound.insert(it.name.to_string());
    }
}

/// The names a pattern binds, in order.
pub(crate) fn of_pattern(pattern: &BindingPattern<'_>, names: &mut Vec<String>) {
    match pattern {
        BindingPattern::BindingIdentifier(id) => names.push(id.name.to_string()),
        BindingPattern::AssignmentPattern(assignment) => of_pattern(&assignment.left, names),
        BindingPattern::ObjectPattern(object) => {
            object.properties.iter().for_each(|property| of_pattern(&property.value, names));
            if let Some(rest) = &object.rest {
                of_pattern(&rest.argument, names);
            }
        }
        BindingPattern::ArrayPattern(array) => {
            array.elements.iter().flatten().for_each(|element| of_pattern(element, names));
            if let Some(rest) = &array.rest {
                of_pattern(&rest.argument, names);
            }
        }
    }
}
