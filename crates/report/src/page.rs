//! A [`Document`](crate::document::Document) as pages: Markdown, HTML, JUnit's XML, and a user's own template.

mod chart;
mod html;
mod junit;
mod markdown;
mod sections;
mod template;

pub use html::html;
pub use junit::junit_suites;
pub use markdown::report_markdown;
pub use template::{BUILT_IN, TemplateError, render_template};
