//! The script is not there.
//! file: not_there.js
