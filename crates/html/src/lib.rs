//! HTML as trees: parsed by the standard's rules, searched with CSS selectors, written out again.
//!
//! What scripts see as `k6/html` stands on this crate. The dialect of selectors is that of cascadia and the operations
//! on sets of nodes are those of goquery, the libraries behind k6, because scripts rely on their particulars. This crate
//! knows no JavaScript and does no I/O; everything walks trees without recursion, whatever their depth.
//!
//! Start reading at [`parse`], then [`Document`] and [`Selection`].

mod parse;
mod render;
mod selection;
mod selector;
mod tree;

pub use parse::{Error, MAX_BYTES, MAX_DEPTH, MAX_NODES, parse};
pub use selection::{Selection, Stop};
pub use selector::Selector;
pub use tree::{Attribute, Document, Kind, Namespace, NodeId};
