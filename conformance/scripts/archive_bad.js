//! A script that is said to be an archive.
//! case archive: --type archive
//! case unknown: --type zip
export default function () {}
