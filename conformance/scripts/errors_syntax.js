//! A syntax error.
export default function () {
  const a = ;
}
